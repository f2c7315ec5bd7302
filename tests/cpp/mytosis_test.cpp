/* The header for C++: handles let go by themselves, lambdas are called, and what fails throws. */
#include <mytosis/mytosis.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

#define CHECK(what)                                                             \
    do {                                                                        \
        if (what) break;                                                        \
        std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
        std::exit(1);                                                           \
    } while (0)

using mytosis::database;
using mytosis::row;

/* The status with which something fails. */
template <typename lambda> static mt_status failure_of(lambda &&f)
{
    try {
        f();
    } catch (const mytosis::error &e) {
        CHECK(e.what()[0] != '\0');
        return e.status();
    }
    return MT_OK;
}

static void what_is_written_is_read()
{
    auto db = database::in_memory();
    auto ada = db.write(
        {row("ada").set("name", "Ada").set("born", 1815).set("alive", false).link("friend", "bob"),
         row("bob").set("name", std::string("Bob")).set("x", nullptr)});

    CHECK(ada.uid() == "ada" && ada.exists());
    CHECK(ada.text("name") == "Ada" && ada.number("born") == 1815 && ada.boolean("alive") == false);
    CHECK(!ada.text("born") && !ada.peek("none") && !db.read("nobody"));
    CHECK(ada.field("friend").to->text("name") == "Bob" && !ada.field("name").to);
    CHECK(failure_of([&] { ada.field("none"); }) == MT_NOT_FOUND);
    ada.set("born", 1816.5);
    CHECK(db.read("ada")->number("born") == 1816.5);
    db.write(row("ada").erase("alive"));
    CHECK(!ada.peek("alive") && ada.peek("born"));
    db.write(row("ada").replace().set("name", "only"));
    CHECK(!ada.peek("born") && ada.text("name") == "only");
    db.erase("ada");
    CHECK(!ada.exists() && !db.read("ada"));
}

static void values_are_those_of_c()
{
    CHECK(mytosis::value(true).kind == MT_BOOL && mytosis::value(7).kind == MT_NUMBER);
    CHECK(mytosis::value(INT64_C(9007199254740993)).kind == MT_INT);
    CHECK(mytosis::value("text").kind == MT_STRING && mytosis::value(nullptr).kind == MT_NULL);
    CHECK(mytosis::value(mytosis::blob{"ab"}).kind == MT_BYTES);
    CHECK(mytosis::json(mytosis::value(mytosis::edge{"ada"})) == "{\"edge\":\"ada\"}");
    CHECK(failure_of([] { database::in_memory().write(row("a").set("x", 0.0 / 0.0)); }) ==
          MT_INVALID);
}

static void lambdas_hear_until_they_are_let_go()
{
    auto db = database::in_memory();
    std::size_t all = 0, notes = 0;
    auto one = db.on({}, [&](const mt_event &event) { all += event.count; });

    {
        auto two = db.on({"note/"}, [&](const mt_event &) { notes++; });
        db.write({row("note/1").set("x", 1), row("user/1").set("x", 1)});
        db.write(row("user/2").set("x", 1));
        CHECK(notes == 1 && all == 3);
    }
    db.write(row("note/2").set("x", 1));
    CHECK(notes == 1 && all == 4);
}

static void listener_may_end_itself()
{
    auto db = database::in_memory();
    std::string kept = "a text that is too long to be kept within a string itself";
    std::size_t heard = 0;
    mytosis::listening one;

    one = db.on({}, [&one, &heard, kept](const mt_event &) {
        one = mytosis::listening();
        heard += kept.size() > 10;
    });
    db.write(row("a").set("x", 1));
    db.write(row("a").set("x", 2));
    CHECK(heard == 1);
}

static void handles_may_outlive_their_database()
{
    std::optional<mytosis::node> kept;
    mytosis::listening one;
    {
        auto db = database::in_memory();
        kept = db.write(row("a").set("x", 1));
        one = db.on({}, [](const mt_event &) {});
        auto copy = *kept;
        CHECK(copy.is_open() && copy.number("x") == 1);
    }
    CHECK(!kept->is_open());
    auto copy = *kept;
    CHECK(!copy.is_open());
}

static void calls_answer_later()
{
    mytosis::loop loop;
    mt_config config = {};
    std::size_t answers = 0;

    config.size = sizeof config;
    config.env = loop.env();
    {
        auto db = database::with(&config);
        db.write({row("a").set("x", 1)}, nullptr, [&](const mt_result &written) {
            CHECK(written.status == MT_OK && ++answers == 1);
            db.read("a", [&](const mt_result &read) {
                CHECK(db.keep(read, 0)->number("x") == 1 && !db.keep(read, 1));
                answers++;
                loop.stop();
            });
        });
        CHECK(answers == 0);
        loop.run();
        CHECK(answers == 2);
        CHECK(failure_of([&] { db.read("", [&](const mt_result &) { answers++; }); }) ==
              MT_INVALID);
        CHECK(answers == 2);
    }
}

static void branch_is_rebased_and_committed()
{
    auto db = database::in_memory();
    db.write(row("a").set("x", 1).set("y", 1));
    auto branch = db.branch();
    branch.write(row("a").set("x", 2));
    CHECK(db.read("a")->number("x") == 1 && branch.read("a")->number("x") == 2);
    branch.rebase();
    db.commit(branch);
    CHECK(db.read("a")->number("x") == 2 && db.read("a")->number("y") == 1);
}

static void branch_may_outlive_its_source()
{
    auto db = std::make_unique<database>(database::in_memory());
    auto branch = db->branch();
    auto a = branch.write(row("a").set("x", 1));

    db.reset();
    CHECK(!a.is_open());
}

static void stored_nodes_come_in_order(const char *path)
{
    std::string uids;

    {
        auto db = database::open(path);
        db.write({row("b/2").set("x", 1), row("b/1").set("x", 1), row("c").set("x", 1)});
    }
    auto db = database::open(std::string(path));
    db.each("b/", [&](const mt_row &one) { uids += std::string(mytosis::view(one.uid)) + " "; });
    CHECK(uids == "b/1 b/2 ");
    CHECK(failure_of([] { database::open("/none/such/store.mdb"); }) == MT_NOT_FOUND);
}

static void graphs_merge()
{
    mytosis::graph a, b;

    a.set("ada", "name", "Ada");
    b.set("ada", "born", 1815).set("bob", "x", true);
    CHECK(a != b);
    a.merge(b);
    b.merge(a);
    CHECK(a == b && a.json().find("1815") != std::string::npos);
    CHECK(failure_of([&] { a.set("", "x", 1); }) == MT_INVALID);
    mytosis::graph c(std::move(a));
    CHECK(c == b);
}

int main(int, char **argv)
{
    what_is_written_is_read();
    values_are_those_of_c();
    lambdas_hear_until_they_are_let_go();
    listener_may_end_itself();
    handles_may_outlive_their_database();
    calls_answer_later();
    branch_is_rebased_and_committed();
    branch_may_outlive_its_source();
    if (argv[1]) stored_nodes_come_in_order(argv[1]);
    graphs_merge();
    std::printf("10 passed, 0 failed\n");
    return 0;
}
