/* mytosis/mytosis.hpp - mytosis for C++17: handles that let go by themselves, text as std::string_view, and lambdas as
 * callbacks. A thin header over mytosis/mytosis.h, which it includes: the two may be mixed, and `get()` of each
 * class is the handle below.
 *
 *     auto db = mytosis::database::open("people.mdb");
 *     auto heard = db.on({}, [](const mt_event &event) { std::cout << event.count << " nodes changed\n"; });
 *     db.write({mytosis::row("ada").set("name", "Ada").link("friend", "charles"),
 *               mytosis::row("charles").set("born", 1791)});
 *     if (auto ada = db.read("ada")) std::cout << ada->field("friend").to->number("born").value_or(0) << "\n";
 *
 * Calls that wait throw mytosis::error where the C call would answer with anything but MT_OK; what is merely not there
 * is an empty std::optional. Calls that answer later take a lambda, which is called exactly once, or never if the call
 * itself throws. No callback may throw: that ends the program.
 *
 * Views are BORROWED as in C: most often until the database next runs or is written. Handles and listenings may outlive
 * their database, and are empty then. Threads: that of the database. */
#ifndef MYTOSIS_MYTOSIS_HPP
#define MYTOSIS_MYTOSIS_HPP

#include <mytosis/mytosis.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mytosis
{

/* ---- Bytes, errors ---- */

/* The bytes of a text, BORROWED. */
inline mt_bytes bytes(std::string_view text) noexcept
{
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

/* Bytes as a text, BORROWED. */
inline std::string_view view(mt_bytes bytes) noexcept
{
    return {reinterpret_cast<const char *>(bytes.data), bytes.len};
}

/* What is thrown: a status, and what happened, in a line. */
class error : public std::runtime_error
{
  public:
    error(mt_status status, const char *text)
        : std::runtime_error(text && *text ? text : mt_status_text(status)), status_(status)
    {
    }
    mt_status status() const noexcept
    {
        return status_;
    }

  private:
    mt_status status_;
};

/* Throws unless all is well. */
inline void check(mt_status status, const char *text = nullptr)
{
    if (status != MT_OK) throw error(status, text);
}

/* ---- Values ---- */

/* The uid of another node, as a value. BORROWED. */
struct edge {
    std::string_view uid;
};

/* Bytes, as a value. BORROWED. */
struct blob {
    std::string_view bytes;
};

/* A value of what C++ has for it; text is BORROWED. */
inline mt_value value(std::nullptr_t) noexcept
{
    return mt_null();
}
inline mt_value value(std::string_view text) noexcept
{
    return mt_string(bytes(text));
}
inline mt_value value(const char *text) noexcept
{
    return mt_text(text);
}
inline mt_value value(edge to) noexcept
{
    return mt_edge(bytes(to.uid));
}
inline mt_value value(blob data) noexcept
{
    return mt_blob(bytes(data.bytes));
}
inline mt_value value(const mt_value &ready) noexcept
{
    return ready;
}

/* A number or a boolean. */
template <typename number, std::enable_if_t<std::is_arithmetic_v<number>, int> = 0>
inline mt_value value(number from) noexcept
{
    static_assert(!std::is_unsigned_v<number> || std::is_same_v<number, bool> || sizeof(number) < 8,
                  "an unsigned number of 64 bits may not fit: convert it");
    if constexpr (std::is_same_v<number, bool>) return mt_bool(from);
    else if constexpr (std::is_integral_v<number>) return mt_int(static_cast<std::int64_t>(from));
    else return mt_number(static_cast<double>(from));
}

/* The canonical JSON text of a value. */
inline std::string json(const mt_value &from)
{
    mt_buf text = {mt_mem_system(), nullptr, 0, 0};
    mt_status status = mt_value_json(&from, &text);
    std::string out(view(mt_buf_bytes(&text)));

    mt_buf_free(&text);
    check(status);
    return out;
}

/* ---- Writing ---- */

/* What is written of a node. Uid, names and text are BORROWED until the call that it is given to returns. */
class row
{
  public:
    explicit row(std::string_view uid) : uid_(uid)
    {
    }

    template <typename from> row &set(std::string_view name, const from &what) &
    {
        return add(name, value(what));
    }
    template <typename from> row &&set(std::string_view name, const from &what) &&
    {
        return std::move(add(name, value(what)));
    }

    /* Points a field to another node. */
    row &link(std::string_view name, std::string_view to) &
    {
        return add(name, value(edge{to}));
    }
    row &&link(std::string_view name, std::string_view to) &&
    {
        return std::move(add(name, value(edge{to})));
    }

    /* Deletes a field. */
    row &erase(std::string_view name) &
    {
        add(name, mt_null());
        fields_.back().kind = MT_FIELD_DELETED;
        return *this;
    }
    row &&erase(std::string_view name) &&
    {
        return std::move(this->erase(name));
    }

    /* Deletes the node before its fields are written. */
    row &replace() &noexcept
    {
        replaces_ = true;
        return *this;
    }
    row &&replace() &&noexcept
    {
        return std::move(this->replace());
    }

    /* BORROWED from this row. */
    mt_row get() const noexcept
    {
        mt_row out = {};

        out.uid = bytes(uid_);
        out.fields = fields_.data();
        out.count = fields_.size();
        out.delete_node = replaces_;
        return out;
    }

  private:
    row &add(std::string_view name, const mt_value &what)
    {
        mt_field field = {};

        field.name = bytes(name);
        field.value = what;
        fields_.push_back(field);
        return *this;
    }

    std::string_view uid_;
    std::vector<mt_field> fields_;
    bool replaces_ = false;
};

/* ---- Callbacks ---- */

namespace detail
{

/* Whether a database is open, for what may outlive it. A branch is closed with its source. */
struct life_state {
    bool open = true;
    std::shared_ptr<life_state> source;
    bool is_open() const noexcept
    {
        return open && (!source || source->is_open());
    }
};
using life = std::shared_ptr<life_state>;

/* A lambda that is called once, and freed. */
template <typename called> void answered(void *ctx, mt_db *, const mt_result *result) noexcept
{
    std::unique_ptr<called> held(static_cast<called *>(ctx));

    (*held)(*result);
}

/* Hands a lambda to a call that answers later. */
template <typename lambda, typename starting>
void start(mt_db *db, lambda &&answer, starting &&call)
{
    using called = std::decay_t<lambda>;
    auto held = std::make_unique<called>(std::forward<lambda>(answer));

    check(call(&answered<called>, static_cast<void *>(held.get())), mt_db_error(db)->text);
    static_cast<void>(held.release());
}

struct heard {
    virtual ~heard() = default;
    virtual void call(const mt_event &event) = 0;
};

template <typename lambda> struct heard_by final : heard {
    explicit heard_by(lambda &&given) : f(std::move(given))
    {
    }
    explicit heard_by(const lambda &given) : f(given)
    {
    }
    void call(const mt_event &event) override
    {
        f(event);
    }
    lambda f;
};

/* What a listener is called with: it may end its own listening while it runs. */
struct listener {
    std::shared_ptr<heard> who;
};

inline void tell(void *ctx, mt_db *, const mt_event *event) noexcept
{
    std::shared_ptr<heard> who = static_cast<listener *>(ctx)->who;

    who->call(*event);
}

template <typename lambda> struct row_taker {
    lambda &f;
    static bool take(void *ctx, mt_db *, const mt_row *row) noexcept
    {
        static_cast<row_taker *>(ctx)->f(*row);
        return true;
    }
};

} /* namespace detail */

/* ---- Nodes ---- */

class node;

/* A field, and the node that its edge leads to, if it is one to a node that there is. */
struct found {
    mt_field field;
    std::shared_ptr<node> to;
};

/* A node of a database, which is kept in memory meanwhile and shows itself as it is now. Copies are one more holder. */
class node
{
  public:
    node(mt_handle *handle, detail::life open) noexcept : handle_(handle), open_(std::move(open))
    {
    } /* MOVED */
    node(const node &other) noexcept
        : handle_(other.is_open() ? mt_handle_ref(other.handle_) : nullptr), open_(other.open_)
    {
    }
    node(node &&other) noexcept
        : handle_(std::exchange(other.handle_, nullptr)), open_(std::move(other.open_))
    {
    }
    node &operator=(node other) noexcept
    {
        std::swap(handle_, other.handle_);
        std::swap(open_, other.open_);
        return *this;
    }
    ~node()
    {
        if (is_open()) mt_handle_unref(handle_);
    }

    /* Whether its database is. If not, nothing else may be asked. */
    bool is_open() const noexcept
    {
        return handle_ && open_ && open_->is_open();
    }

    mt_handle *get() const noexcept
    {
        return handle_;
    }
    std::string_view uid() const noexcept
    {
        return view(mt_handle_uid(handle_));
    }

    /* Whether anything of it lives by now. */
    bool exists() const noexcept
    {
        return mt_handle_node(handle_) != nullptr;
    }

    /* A living field of what is in memory; empty: it has none such. Of a large node, `load` it first. */
    std::optional<mt_field> peek(std::string_view name) const
    {
        mt_field out;
        mt_status status = mt_handle_get(handle_, bytes(name), &out);

        if (status == MT_NOT_FOUND) return std::nullopt;
        check(status);
        return out;
    }

    std::optional<std::string_view> text(std::string_view name) const
    {
        auto at = peek(name);

        if (!at || at->value.kind != MT_STRING) return std::nullopt;
        return view(at->value.as.bytes);
    }
    std::optional<double> number(std::string_view name) const
    {
        auto at = peek(name);

        if (!at || at->value.kind != MT_NUMBER) return std::nullopt;
        return at->value.as.number;
    }
    std::optional<bool> boolean(std::string_view name) const
    {
        auto at = peek(name);

        if (!at || at->value.kind != MT_BOOL) return std::nullopt;
        return at->value.as.boolean;
    }

    /* Loads all of its fields, and waits. */
    void load() const
    {
        check_call(mt_fields_wait(handle_, nullptr, 0, nullptr));
    }

    /* A field, loaded if need be, and the node that it leads to. Throws MT_NOT_FOUND where it has none such. */
    found field(std::string_view name) const
    {
        found out = {};
        mt_handle *to = nullptr;

        check_call(mt_field_wait(handle_, bytes(name), nullptr, &out.field, &to));
        if (to) out.to = std::make_shared<node>(to, open_);
        return out;
    }

    template <typename from> void set(std::string_view name, const from &what) const
    {
        mt_field field = {};

        field.name = bytes(name);
        field.value = value(what);
        check_call(mt_node_write_wait(handle_, &field, 1, nullptr));
    }

  private:
    void check_call(mt_status status) const
    {
        check(status, mt_db_error(mt_handle_db(handle_))->text);
    }

    mt_handle *handle_;
    detail::life open_;
};

/* ---- Databases ---- */

/* Ends when it is destroyed, or when its database is closed. */
class [[nodiscard]] listening
{
  public:
    listening() noexcept = default;
    listening(mt_listening *handle, std::unique_ptr<detail::listener> who,
              detail::life open) noexcept
        : handle_(handle), who_(std::move(who)), open_(std::move(open))
    {
    }
    listening(listening &&other) noexcept
    {
        swap(other);
    }
    listening &operator=(listening other) noexcept
    {
        swap(other);
        return *this;
    }
    ~listening()
    {
        if (handle_ && open_ && open_->is_open()) mt_off(handle_);
    }

  private:
    void swap(listening &other) noexcept
    {
        std::swap(handle_, other.handle_);
        std::swap(who_, other.who_);
        std::swap(open_, other.open_);
    }

    mt_listening *handle_ = nullptr;
    std::unique_ptr<detail::listener> who_;
    detail::life open_;
};

/* What to listen to: one node, or all whose uid begins with a prefix. BORROWED until `on` returns. */
struct listen {
    std::string_view prefix = {};
    std::string_view uid = {};
    unsigned kinds = MT_EVENT_UPDATE;
};

/* A database, which is closed when this is destroyed: calls under way end with MT_CANCELED. */
class database
{
  public:
    /* One in memory; the store at a path, made if it is not there; or one of a config. */
    static database in_memory()
    {
        return with(nullptr);
    }
    static database open(const char *path, const mt_config *config = nullptr)
    {
        mt_error why = {};
        mt_db *db = nullptr;

        check(mt_open_path(path, config, &db, &why), why.text);
        return database(db);
    }
    static database open(const std::string &path)
    {
        return open(path.c_str());
    }
    static database with(const mt_config *config)
    {
        mt_error why = {};
        mt_db *db = nullptr;

        check(mt_open(config ? &config : nullptr, config ? 1 : 0, &db, &why), why.text);
        return database(db);
    }

    explicit database(mt_db *db) : db_(db), open_(std::make_shared<detail::life_state>())
    {
    } /* MOVED */
    database(database &&other) noexcept
        : db_(std::exchange(other.db_, nullptr)), open_(std::move(other.open_))
    {
    }
    database &operator=(database other) noexcept
    {
        std::swap(db_, other.db_);
        std::swap(open_, other.open_);
        return *this;
    }
    ~database()
    {
        close();
    }

    /* Closes it and waits; twice is once. Not inside a callback. */
    void close() noexcept
    {
        mt_db *db = std::exchange(db_, nullptr);

        if (!db || !open_->is_open()) return;
        open_->open = false;
        mt_close(db);
    }

    mt_db *get() const noexcept
    {
        return db_;
    }

    /* ---- Calls that wait ---- */

    std::optional<node> read(std::string_view uid, const mt_options *options = nullptr)
    {
        mt_handle *found = nullptr;

        check_call(mt_read_wait(db_, bytes(uid), options, &found));
        if (!found) return std::nullopt;
        return node(found, open_);
    }

    /* All of it as one commit, or none. Answers the first node. */
    node write(std::initializer_list<row> rows, const mt_options *options = nullptr)
    {
        return write_rows(rows.begin(), rows.size(), options);
    }
    node write(const std::vector<row> &rows, const mt_options *options = nullptr)
    {
        return write_rows(rows.data(), rows.size(), options);
    }
    node write(const row &one, const mt_options *options = nullptr)
    {
        return write_rows(&one, 1, options);
    }

    void erase(std::string_view uid, const mt_options *options = nullptr)
    {
        check_call(mt_delete_wait(db_, bytes(uid), options));
    }

    /* Calls `each` with every stored node whose uid begins with a prefix, or a part of it, in order. */
    template <typename lambda> void each(std::string_view prefix, lambda &&f)
    {
        using taker = detail::row_taker<std::remove_reference_t<lambda>>;
        mt_range range = {};
        taker t = {f};

        range.prefix = bytes(prefix);
        check_call(mt_stream_wait(db_, &range, &taker::take, &t));
    }

    std::string query(const char *engine, std::string_view text,
                      const mt_options *options = nullptr)
    {
        mt_buf answer = {mt_mem_system(), nullptr, 0, 0};
        mt_status status = mt_query_wait(db_, engine, bytes(text), options, &answer);
        std::string out(view(mt_buf_bytes(&answer)));

        mt_buf_free(&answer);
        check_call(status);
        return out;
    }

    /* ---- Calls that answer later, to a lambda of (const mt_result &) ---- */

    template <typename lambda> void read(std::string_view uid, lambda &&answer)
    {
        detail::start(db_, std::forward<lambda>(answer), [&](mt_done *done, void *ctx) {
            return mt_read(db_, bytes(uid), nullptr, done, ctx, nullptr);
        });
    }
    template <typename lambda>
    void write(const std::vector<row> &rows, const mt_options *options, lambda &&answer)
    {
        auto list = list_of(rows.data(), rows.size());

        detail::start(db_, std::forward<lambda>(answer), [&](mt_done *done, void *ctx) {
            return mt_write(db_, list.data(), list.size(), options, done, ctx, nullptr);
        });
    }

    /* A node of a result, kept. Empty: it is not there. */
    std::optional<node> keep(const mt_result &result, std::size_t at) const
    {
        if (at >= result.count || !result.nodes[at]) return std::nullopt;
        return node(mt_handle_ref(result.nodes[at]), open_);
    }

    /* ---- Branches, events ---- */

    /* A private copy to edit: see mt_branch. It is closed with this one, if not before. */
    database branch()
    {
        mt_db *made = nullptr;

        check_call(mt_branch(db_, &made));
        database out(made);
        out.open_->source = open_;
        return out;
    }

    /* Commits what was edited in a branch. */
    void commit(database &branch, const mt_options *options = nullptr)
    {
        check_call(mt_commit_wait(db_, branch.db_, options));
    }

    /* Replays a branch's edits on its source of now. */
    void rebase()
    {
        check_call(mt_rebase_wait(db_));
    }

    /* Calls `f` with (const mt_event &) for every commit that touches what is listened to. */
    template <typename lambda> listening on(const listen &what, lambda &&f)
    {
        using called = detail::heard_by<std::decay_t<lambda>>;
        auto who = std::make_unique<detail::listener>();
        mt_listen to = {what.kinds, bytes(what.uid), bytes(what.prefix)};
        mt_listening *handle = nullptr;

        who->who = std::make_shared<called>(std::forward<lambda>(f));
        check_call(mt_on(db_, &to, &detail::tell, who.get(), &handle));
        return listening(handle, std::move(who), open_);
    }

  private:
    static std::vector<mt_row> list_of(const row *rows, std::size_t count)
    {
        std::vector<mt_row> list;

        list.reserve(count);
        for (std::size_t i = 0; i < count; i++) list.push_back(rows[i].get());
        return list;
    }

    node write_rows(const row *rows, std::size_t count, const mt_options *options)
    {
        auto list = list_of(rows, count);
        mt_handle *first = nullptr;

        check_call(mt_write_wait(db_, list.data(), list.size(), options, &first));
        return node(first, open_);
    }

    void check_call(mt_status status) const
    {
        check(status, mt_db_error(db_)->text);
    }

    mt_db *db_;
    detail::life open_;
};

/* ---- Graphs, loops ---- */

/* A graph by itself, without a database. */
class graph
{
  public:
    graph()
    {
        check(mt_graph_new(mt_mem_system(), nullptr, &graph_));
    }
    explicit graph(mt_graph *owned) noexcept : graph_(owned)
    {
    } /* MOVED */
    graph(graph &&other) noexcept : graph_(std::exchange(other.graph_, nullptr))
    {
    }
    graph &operator=(graph other) noexcept
    {
        std::swap(graph_, other.graph_);
        return *this;
    }
    ~graph()
    {
        mt_graph_free(graph_);
    }

    mt_graph *get() const noexcept
    {
        return graph_;
    }

    template <typename from>
    graph &set(std::string_view uid, std::string_view name, const from &what)
    {
        check_call(mt_graph_set(graph_, bytes(uid), bytes(name), value(what)));
        return *this;
    }

    /* Merges another: afterwards this holds all that either did. */
    void merge(const graph &other)
    {
        check_call(mt_graph_merge(graph_, other.graph_, nullptr));
    }

    bool operator==(const graph &other) const noexcept
    {
        return mt_graph_equal(graph_, other.graph_);
    }
    bool operator!=(const graph &other) const noexcept
    {
        return !(*this == other);
    }

    std::string json() const
    {
        mt_buf text = {mt_mem_system(), nullptr, 0, 0};
        mt_status status = mt_json_graph(graph_, &text);
        std::string out(view(mt_buf_bytes(&text)));

        mt_buf_free(&text);
        check(status);
        return out;
    }

  private:
    void check_call(mt_status status) const
    {
        check(status, mt_graph_error(graph_)->text);
    }

    mt_graph *graph_ = nullptr;
};

/* A loop of its own, for databases whose calls answer later: its `env` goes into a config. */
class loop
{
  public:
    loop()
    {
        check(mt_loop_new(mt_mem_system(), &loop_));
    }
    loop(loop &&other) noexcept : loop_(std::exchange(other.loop_, nullptr))
    {
    }
    loop &operator=(loop other) noexcept
    {
        std::swap(loop_, other.loop_);
        return *this;
    }
    ~loop()
    {
        mt_loop_free(loop_);
    }

    mt_loop *get() const noexcept
    {
        return loop_;
    }
    const mt_env *env() const noexcept
    {
        return mt_loop_env(loop_);
    }
    void run()
    {
        check(mt_loop_run(loop_));
    }
    void stop() noexcept
    {
        mt_loop_stop(loop_);
    }

  private:
    mt_loop *loop_ = nullptr;
};

} /* namespace mytosis */

#endif
