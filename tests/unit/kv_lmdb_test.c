/* kv_lmdb_test.c - opening stores on disk, who may hold them, and what they look like. What disks do
 * to them is in kv_lmdb_disk_test.c. */
#include "test_folder.h"
#include "test_kv.h"
#include <fcntl.h>
#include <mytosis/plugin/kv_lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmdb.h>

typedef struct place {
    test_env te;
    test_folder folder;
    char path[128];
    mt_error err; /* of the last opening */
} place;

static void place_begin(place *p)
{
    test_folder_begin(&p->folder);
    test_env_init(&p->te, 1, test_mem());
    snprintf(p->path, sizeof p->path, "%s", test_folder_file(&p->folder, "notes.mdb"));
    p->err = (mt_error){.status = MT_OK};
}

static void place_end(place *p)
{
    CHECK(test_mem_live() == 0);
    test_env_end(&p->te);
    test_folder_end(&p->folder);
}

/* Opens the store for `t`; nothing is flushed unless the options say so. */
static mt_status store_open(place *p, test_kv *t, const mt_kv_lmdb_options *options)
{
    mt_kv_lmdb_options own = {.size = sizeof own, .no_sync = true};
    mt_status st;

    *t = (test_kv){.te = &p->te};
    p->err.text[0] = '\0';
    st = mt_kv_lmdb(&p->te.env, p->path, options ? options : &own, &t->kv, &p->err);
    if (st != MT_OK) CHECK(st == p->err.status);
    return st;
}

/* Opens the store, puts a pair and closes it. */
static void store_make(place *p, const char *key, const char *value)
{
    test_kv t;

    CHECK(store_open(p, &t, NULL) == MT_OK);
    CHECK(test_kv_put(&t, key, value) == MT_OK);
    test_kv_close(&t);
}

static void file_write(const char *path, const void *bytes, size_t len, long at)
{
    FILE *file = fopen(path, at == 0 ? "wb" : "r+b");

    CHECK(file != NULL);
    CHECK(fseek(file, at, SEEK_SET) == 0);
    CHECK(fwrite(bytes, 1, len, file) == len);
    CHECK(fclose(file) == 0);
}

/* Says what is expected where the text does not hold it. */
static void check_says(const place *p, const char *part)
{
    if (!strstr(p->err.text, part)) fail_msg("should say \"%s\": %s", part, p->err.text);
}

/* ---- Opening ---- */

TEST(a_store_is_made_and_kept)
{
    mt_kv_lmdb_options synced = {.size = sizeof synced};
    struct stat st;
    test_kv t;
    place p;

    place_begin(&p);
    CHECK(store_open(&p, &t, &synced) == MT_OK);
    assert_string_equal(t.kv.ops->name, "lmdb");
    assert_string_equal(test_kv_get(&t, "a"), "?");
    CHECK(test_kv_put(&t, "a", "1") == MT_OK);
    CHECK(t.kv.ops->bytes(t.kv.ctx) >= 8192);
    test_kv_close(&t);

    CHECK(stat(p.path, &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
    /* The file and LMDB's lock; nobody owns it now. */
    CHECK(test_folder_count(&p.folder) == 2);
    CHECK(store_open(&p, &t, NULL) == MT_OK);
    assert_string_equal(test_kv_get(&t, "a"), "1");
    test_kv_close(&t);
    place_end(&p);
}

TEST(the_mode_of_the_file_may_be_chosen)
{
    mt_kv_lmdb_options options = {.size = sizeof options, .no_sync = true, .mode = 0640};
    struct stat st;
    test_kv t;
    place p;

    place_begin(&p);
    CHECK(store_open(&p, &t, &options) == MT_OK);
    test_kv_close(&t);
    CHECK(stat(p.path, &st) == 0);
    CHECK((st.st_mode & 0777) == 0640);
    place_end(&p);
}

TEST(what_is_not_there_is_not_made_if_it_must_exist)
{
    mt_kv_lmdb_options must = {.size = sizeof must, .must_exist = true};
    mt_kv_lmdb_options read = {.size = sizeof read, .read_only = true};
    test_kv t;
    place p;

    place_begin(&p);
    CHECK(store_open(&p, &t, &must) == MT_NOT_FOUND);
    check_says(&p, "there is no store ");
    check_says(&p, "/notes.mdb");
    CHECK(store_open(&p, &t, &read) == MT_NOT_FOUND);
    CHECK(test_folder_count(&p.folder) == 0);

    file_write(p.path, "", 0, 0);
    CHECK(store_open(&p, &t, &must) == MT_NOT_FOUND);
    check_says(&p, "the file is empty");
    CHECK(store_open(&p, &t, &read) == MT_NOT_FOUND);
    CHECK(test_folder_count(&p.folder) == 1);
    /* An empty file is what a crash in the making leaves. */
    CHECK(store_open(&p, &t, NULL) == MT_OK);
    test_kv_close(&t);
    place_end(&p);
}

TEST(what_is_no_store_is_refused_and_left_as_it_was)
{
    static const char text[] = "Dear diary, today I was taken for a database.";
    char read[sizeof text];
    test_kv t;
    FILE *file;
    place p;

    place_begin(&p);
    file_write(p.path, text, sizeof text, 0);
    CHECK(store_open(&p, &t, NULL) == MT_MALFORMED);
    check_says(&p, "notes.mdb is not a store of LMDB");
    file = fopen(p.path, "rb");
    CHECK(file != NULL && fread(read, 1, sizeof read, file) == sizeof text);
    fclose(file);
    assert_memory_equal(read, text, sizeof text);
    CHECK(test_folder_count(&p.folder) == 1);

    snprintf(p.path, sizeof p.path, "%s", p.folder.path);
    CHECK(store_open(&p, &t, NULL) == MT_INVALID);
    check_says(&p, " is a folder, not the file of a store");
    snprintf(p.path, sizeof p.path, "/dev/null");
    CHECK(store_open(&p, &t, NULL) == MT_INVALID);
    check_says(&p, "/dev/null is a device, not the file of a store");
    snprintf(p.path, sizeof p.path, "%s/notes.mdb/notes.mdb", p.folder.path);
    CHECK(store_open(&p, &t, NULL) == MT_IO);
    check_says(&p, " cannot be opened: Not a directory");
    snprintf(p.path, sizeof p.path, "%s/none/notes.mdb", p.folder.path);
    CHECK(store_open(&p, &t, NULL) == MT_NOT_FOUND);
    check_says(&p, "/none/notes.mdb cannot be made: No such file or directory");
    place_end(&p);
}

TEST(a_long_path_is_shown_by_its_end)
{
    char path[1024];
    mt_error err;
    mt_kv kv;
    place p;

    place_begin(&p);
    memset(path, 'x', sizeof path);
    for (size_t i = 0; i < sizeof path; i += 100) path[i] = '/';
    memcpy(path + sizeof path - 12, "y/notes.mdb", 12);
    CHECK(mt_kv_lmdb(&p.te.env, path, NULL, &kv, &err) == MT_NOT_FOUND);
    CHECK(strstr(err.text, "y/notes.mdb cannot be made: No such file or directory") != NULL);
    CHECK(mt_kv_lmdb(&p.te.env, path, NULL, &kv, NULL) == MT_NOT_FOUND);
    place_end(&p);
}

/* Runs in a child, as somebody who is not root. */
TEST(a_file_without_permission_is_refused)
{
    int status = -1;
    test_kv t;
    place p;
    pid_t pid;

    place_begin(&p);
    store_make(&p, "a", "1");
    CHECK(chmod(p.path, 0) == 0);
    CHECK(chmod(p.folder.path, 0755) == 0);
    pid = fork();
    if (pid == 0) {
        bool works = (getuid() != 0 || setuid(65534) == 0) && store_open(&p, &t, NULL) == MT_IO &&
                     strstr(p.err.text, "notes.mdb cannot be opened: Permission denied");

        _exit(works ? 0 : 1);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
    CHECK(test_folder_count(&p.folder) == 2);
    place_end(&p);
}

TEST(the_store_of_another_program_is_refused)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    test_kv t;
    place p;

    place_begin(&p);
    CHECK(mdb_env_create(&env) == 0);
    CHECK(mdb_env_open(env, p.path, MDB_NOSUBDIR | MDB_NOSYNC, 0600) == 0);
    CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    /* Keys are compared from their ends. */
    CHECK(mdb_dbi_open(txn, NULL, MDB_REVERSEKEY, &dbi) == 0);
    CHECK(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
    CHECK(store_open(&p, &t, NULL) == MT_MALFORMED);
    check_says(&p, "notes.mdb is damaged: MDB_INCOMPATIBLE");
    place_end(&p);
}

/* ---- Damage ---- */

TEST(a_damaged_page_is_named_and_nothing_is_served_from_it)
{
    uint8_t zeros[4096] = {0};
    struct stat st;
    test_kv t;
    place p;

    place_begin(&p);
    store_make(&p, "a", "1");
    CHECK(stat(p.path, &st) == 0);
    for (long at = 8192; at < st.st_size; at += 4096) file_write(p.path, zeros, 4096, at);
    CHECK(store_open(&p, &t, NULL) == MT_OK);
    assert_string_equal(test_kv_get(&t, "a"), "!");
    CHECK(t.status == MT_MALFORMED);
    CHECK(strstr(t.text, "notes.mdb is damaged: MDB_CORRUPTED") != NULL);
    CHECK(test_kv_scan(&t) == MT_MALFORMED);
    CHECK(test_kv_put(&t, "a", "2") == MT_MALFORMED);
    test_kv_close(&t);
    place_end(&p);
}

TEST(a_file_that_is_cut_short_is_damaged_and_not_a_crash)
{
    mt_kv_lmdb_options read = {.size = sizeof read, .read_only = true};
    test_kv t;
    place p;

    place_begin(&p);
    store_make(&p, "a", "1");
    CHECK(truncate(p.path, 8192) == 0);
    CHECK(store_open(&p, &t, &read) == MT_MALFORMED);
    check_says(&p, "notes.mdb is cut short: it has 8192 bytes");
    CHECK(store_open(&p, &t, NULL) == MT_OK);
    assert_string_equal(test_kv_get(&t, "a"), "!");
    CHECK(t.status == MT_MALFORMED);
    test_kv_close(&t);
    CHECK(truncate(p.path, 4100) == 0);
    CHECK(store_open(&p, &t, NULL) == MT_MALFORMED);
    check_says(&p, "notes.mdb is not a store of LMDB");
    place_end(&p);
}

/* ---- Who holds it ---- */

TEST(a_store_is_opened_once)
{
    test_kv first, second;
    char other[128];
    place p;

    place_begin(&p);
    CHECK(store_open(&p, &first, NULL) == MT_OK);
    CHECK(store_open(&p, &second, NULL) == MT_BUSY);
    check_says(&p, "notes.mdb is open already, in this process");
    /* By another name, too. */
    snprintf(other, sizeof other, "%s", test_folder_file(&p.folder, "other.mdb"));
    CHECK(symlink(p.path, other) == 0);
    memcpy(p.path, other, sizeof other);
    CHECK(store_open(&p, &second, NULL) == MT_BUSY);
    check_says(&p, "other.mdb is held by another");
    /* The attempts took nothing away from the first. */
    CHECK(test_kv_put(&first, "a", "1") == MT_OK);
    CHECK(store_open(&p, &second, NULL) == MT_BUSY);
    test_kv_close(&first);
    CHECK(store_open(&p, &second, NULL) == MT_OK);
    test_kv_close(&second);
    place_end(&p);
}

/* A child that opens the store, commits, says so and waits to be killed. */
static pid_t holder_start(place *p, int *said)
{
    int pipe_ends[2];
    char byte = 0;
    test_kv t;
    pid_t pid;

    CHECK(pipe(pipe_ends) == 0);
    pid = fork();
    if (pid == 0) {
        bool held = store_open(p, &t, NULL) == MT_OK && test_kv_put(&t, "a", "child") == MT_OK;

        if (!held || write(pipe_ends[1], &byte, 1) != 1) _exit(1);
        for (;;) pause();
    }
    close(pipe_ends[1]);
    CHECK(pid > 0 && read(pipe_ends[0], &byte, 1) == 1);
    *said = pipe_ends[0];
    return pid;
}

TEST(the_holder_is_named_and_may_be_killed)
{
    char holder[128], name[32] = "";
    mt_kv_lmdb_options read = {.size = sizeof read, .read_only = true};
    int said, status;
    FILE *comm;
    test_kv t;
    place p;
    pid_t pid;

    place_begin(&p);
    comm = fopen("/proc/self/comm", "r");
    if (comm) CHECK(fgets(name, sizeof name, comm) != NULL);
    if (comm) fclose(comm);
    name[strcspn(name, "\n")] = '\0';
    pid = holder_start(&p, &said);
    CHECK(store_open(&p, &t, NULL) == MT_BUSY);
    snprintf(holder, sizeof holder, "notes.mdb is held by %s (pid %ld)", *name ? name : "process",
             (long)pid);
    check_says(&p, holder);
    CHECK(store_open(&p, &t, &read) == MT_BUSY);
    check_says(&p, holder);

    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
    close(said);
    CHECK(store_open(&p, &t, NULL) == MT_OK);
    assert_string_equal(test_kv_get(&t, "a"), "child");
    test_kv_close(&t);
    CHECK(test_folder_count(&p.folder) == 2);
    place_end(&p);
}

TEST(the_note_of_one_who_was_killed_names_nobody)
{
    mt_kv_lmdb_options read = {.size = sizeof read, .read_only = true};
    int said, status;
    test_kv t, writer;
    place p;
    pid_t pid;

    place_begin(&p);
    pid = holder_start(&p, &said);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
    close(said);
    /* Readers do not say who they are. */
    CHECK(store_open(&p, &t, &read) == MT_OK);
    CHECK(store_open(&p, &writer, NULL) == MT_BUSY);
    check_says(&p, "notes.mdb is held by another");
    test_kv_close(&t);
    place_end(&p);
}

TEST(several_may_read_a_store_and_leave_no_trace)
{
    mt_kv_lmdb_options read = {.size = sizeof read, .read_only = true};
    test_kv first, second, writer;
    place p;

    place_begin(&p);
    store_make(&p, "a", "1");
    CHECK(unlink(test_folder_file(&p.folder, "notes.mdb-lock")) == 0);
    CHECK(chmod(p.path, 0400) == 0);
    CHECK(store_open(&p, &first, &read) == MT_OK);
    CHECK(store_open(&p, &second, &read) == MT_OK);
    assert_string_equal(test_kv_get(&first, "a"), "1");
    assert_string_equal(test_kv_get(&second, "a"), "1");
    CHECK(test_kv_put(&first, "a", "2") == MT_IO);
    CHECK(strstr(first.text, "notes.mdb is open for reading only") != NULL);
    assert_string_equal(test_kv_get(&first, "a"), "1");
    CHECK(store_open(&p, &writer, NULL) != MT_OK);
    test_kv_close(&first);
    test_kv_close(&second);
    CHECK(test_folder_count(&p.folder) == 1);
    place_end(&p);
}

/* The longer one leaves more pages than the shorter one needs. */
TEST(a_value_over_a_longer_one_of_the_same_commit_is_no_damage)
{
    mt_kv_lmdb_options options = {.size = sizeof options, .no_sync = true, .check = true};
    static const uint8_t value[20000];
    const mt_kv_op ops[] = {{MT_KV_PUT, mt_str("a"), {value, sizeof value}},
                            {MT_KV_PUT, mt_str("a"), {value, 9000}}};
    test_kv t;
    place p;

    place_begin(&p);
    CHECK(store_open(&p, &t, NULL) == MT_OK);
    CHECK(test_kv_commit(&t, ops, 2) == MT_OK);
    test_kv_close(&t);
    CHECK(store_open(&p, &t, &options) == MT_OK);
    test_kv_close(&t);
    place_end(&p);
}

/* ---- Requests ---- */

TEST(keys_that_do_not_fit_are_refused_at_the_start)
{
    char longest[MT_KV_KEY_LEN_MAX + 2];
    test_kv t;
    place p;

    place_begin(&p);
    memset(longest, 'k', sizeof longest);
    longest[MT_KV_KEY_LEN_MAX + 1] = '\0';
    CHECK(store_open(&p, &t, NULL) == MT_OK);
    CHECK(test_kv_put(&t, "", "1") == MT_INVALID);
    CHECK(test_kv_put(&t, longest, "1") == MT_INVALID);
    assert_string_equal(test_kv_get(&t, longest), "!");
    CHECK(t.status == MT_INVALID);
    longest[MT_KV_KEY_LEN_MAX] = '\0';
    CHECK(test_kv_put(&t, longest, "1") == MT_OK);
    test_kv_close(&t);
    place_end(&p);
}

TEST(the_map_grows_from_nothing)
{
    mt_kv_lmdb_options tiny = {.size = sizeof tiny, .no_sync = true, .map_len = 1};
    test_kv t;
    place p;

    place_begin(&p);
    CHECK(store_open(&p, &t, &tiny) == MT_OK);
    for (char key[2] = "a"; key[0] < 'i'; key[0]++)
        CHECK(test_kv_put_large(&t, key, (size_t)4 << 20) == MT_OK);
    CHECK(t.kv.ops->bytes(t.kv.ctx) > (uint64_t)32 << 20);
    test_kv_close(&t);
    /* And to what is there already. */
    CHECK(store_open(&p, &t, &tiny) == MT_OK);
    CHECK(test_kv_scan(&t) == MT_OK);
    CHECK(t.count == 8);
    test_kv_close(&t);
    place_end(&p);
}

TEST(reads_see_the_state_before_a_commit_until_it_is_answered)
{
    test_kv t, reader;
    size_t before = 0;
    place p;

    place_begin(&p);
    test_env_works(&p.te);
    CHECK(store_open(&p, &t, NULL) == MT_OK);
    CHECK(test_kv_put(&t, "a", "1") == MT_OK);
    test_kv_put_start(&t, "a", "2");
    test_kv_put_start(&t, "a", "3");
    CHECK(t.under_way == 2);
    /* Works run in one turn and are done in a later one: both lie before the answer. */
    for (const char *value = "1"; t.under_way > 0; value = t.under_way == 1 ? "2" : "3") {
        size_t under_way = t.under_way;

        reader = (test_kv){.te = &p.te, .kv = t.kv};
        while (t.under_way == under_way) {
            assert_string_equal(test_kv_get(&reader, "a"), value);
            before++;
            CHECK(p.te.env.turn(p.te.env.ctx) == MT_OK);
        }
    }
    CHECK(before >= 4);
    assert_string_equal(test_kv_get(&t, "a"), "3");
    test_kv_close(&t);
    place_end(&p);
}

static void heard_close(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    test_kv *t = ctx;

    (void)id;
    t->kv.ops->close(t->kv.ctx);
    if (answer->count == 1) CHECK(mt_bytes_equal(answer->pairs[0].value, mt_str("1")));
    t->under_way--;
}

/* A host that ends may do so at its last answer. */
TEST(it_may_be_closed_inside_an_answer)
{
    mt_bytes key = mt_str("a"), none = {NULL, 0};
    mt_kv_op op = {MT_KV_DELETE, mt_str("a"), none};
    test_kv t;
    place p;

    for (int kind = 0; kind < 4; kind++) {
        mt_kv_host host = {heard_close, &t};

        place_begin(&p);
        if (kind == 3) test_env_works(&p.te);
        CHECK(store_open(&p, &t, NULL) == MT_OK);
        CHECK(test_kv_put(&t, "a", "1") == MT_OK);
        t.under_way = 1;
        if (kind == 0) CHECK(t.kv.ops->get(t.kv.ctx, &host, 1, &key, 1) == MT_OK);
        if (kind == 1) CHECK(t.kv.ops->scan(t.kv.ctx, &host, 1, none, none, 100) == MT_OK);
        if (kind >= 2) CHECK(t.kv.ops->commit(t.kv.ctx, &host, 1, &op, 1) == MT_OK);
        test_env_run(&p.te);
        CHECK(t.under_way == 0);
        place_end(&p);
    }
}

TEST(failing_allocations_change_nothing)
{
    mt_kv_lmdb_options options = {.size = sizeof options, .no_sync = true};
    place p;

    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        test_kv t = {.te = &p.te};
        mt_status st;

        place_begin(&p);
        p.te.env.mem = fail_mem_hook(&fm);
        st = mt_kv_lmdb(&p.te.env, p.path, &options, &t.kv, NULL);
        if (st == MT_OK) st = test_kv_put(&t, "a", "1");
        if (st == MT_OK) st = test_kv_scan(&t);
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        if (t.kv.ops) assert_string_equal(test_kv_get(&t, "b"), "?");
        if (!t.kv.ops) CHECK(test_folder_count(&p.folder) == 0);
        test_kv_close(&t);
        CHECK(fm.live_bytes == 0);
        place_end(&p);
        if (!fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_is_made_and_kept),
        cmocka_unit_test(the_mode_of_the_file_may_be_chosen),
        cmocka_unit_test(what_is_not_there_is_not_made_if_it_must_exist),
        cmocka_unit_test(what_is_no_store_is_refused_and_left_as_it_was),
        cmocka_unit_test(a_long_path_is_shown_by_its_end),
        cmocka_unit_test(a_file_without_permission_is_refused),
        cmocka_unit_test(the_store_of_another_program_is_refused),
        cmocka_unit_test(a_damaged_page_is_named_and_nothing_is_served_from_it),
        cmocka_unit_test(a_file_that_is_cut_short_is_damaged_and_not_a_crash),
        cmocka_unit_test(a_store_is_opened_once),
        cmocka_unit_test(the_holder_is_named_and_may_be_killed),
        cmocka_unit_test(the_note_of_one_who_was_killed_names_nobody),
        cmocka_unit_test(several_may_read_a_store_and_leave_no_trace),
        cmocka_unit_test(a_value_over_a_longer_one_of_the_same_commit_is_no_damage),
        cmocka_unit_test(keys_that_do_not_fit_are_refused_at_the_start),
        cmocka_unit_test(the_map_grows_from_nothing),
        cmocka_unit_test(reads_see_the_state_before_a_commit_until_it_is_answered),
        cmocka_unit_test(it_may_be_closed_inside_an_answer),
        cmocka_unit_test(failing_allocations_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
