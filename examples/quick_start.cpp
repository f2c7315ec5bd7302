/* The first program once more, in C++17: a store on disk, two nodes, an edge followed, an event heard. It prints:
 *
 *     2 nodes changed
 *     Ada's friend was born in 1791
 */
/* run by the tests */
#include <mytosis/mytosis.hpp>

#include <iostream>

int main()
try {
    auto db = mytosis::database::open("friends.mdb");
    auto heard =
        db.on({}, [](const mt_event &event) { std::cout << event.count << " nodes changed\n"; });

    auto ada = db.write({mytosis::row("ada").set("name", "Ada").link("friend", "charles"),
                         mytosis::row("charles").set("born", 1791)});
    std::cout << "Ada's friend was born in " << *ada.field("friend").to->number("born") << "\n";
    return 0;
} catch (const mytosis::error &e) {
    std::cerr << "quick_start: " << e.what() << "\n";
    return 1;
}
