/* key_make_test.c - the keys beside a store: made, loaded, and left as they are. */
#include "test_folder.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys.h"
#include "passphrase.h"

static test_folder at;
static char store[160];

static const char *path_of(const char *ending)
{
    static char path[200];

    (void)snprintf(path, sizeof path, "%s%s", store, ending);
    return path;
}

static int begin(void **state)
{
    (void)state;
    test_folder_begin(&at);
    (void)snprintf(store, sizeof store, "%s", test_folder_file(&at, "s.mdb"));
    unsetenv("MYTOSIS_PASSPHRASE");
    unsetenv("MYTOSIS_PASSPHRASE_FILE");
    return 0;
}

static int end(void **state)
{
    static const char *const names[] = {"device.key", "root.key", "recovery.key", "device.key.new"};

    (void)state;
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        char name[40];

        (void)snprintf(name, sizeof name, "-keys/%s", names[i]);
        (void)unlink(path_of(name));
    }
    (void)rmdir(path_of("-keys"));
    test_folder_end(&at);
    return 0;
}

/* In a process of its own, which has read no passphrase yet, and no terminal. Answers what it does. */
static cli_exit_code apart(cli_exit_code (*run)(void), const char *passphrase)
{
    pid_t child = fork();
    int status = 0;

    CHECK(child >= 0);
    if (child == 0) {
        (void)setsid();
        if (passphrase) (void)setenv("MYTOSIS_PASSPHRASE", passphrase, 1);
        _exit((int)run());
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return (cli_exit_code)WEXITSTATUS(status);
}

static cli_exit_code make(cli_key_kind kind)
{
    uint8_t made[MT_KEY_LEN], read[MT_KEY_LEN];
    cli_exit_code code = cli_key_make(store, kind, made);

    if (code != EXIT_DONE) return code;
    if ((code = cli_key_load(store, kind, read)) != EXIT_DONE) return code;
    return memcmp(made, read, sizeof made) == 0 ? EXIT_DONE : EXIT_USAGE;
}

static cli_exit_code make_device(void)
{
    return make(KEY_DEVICE);
}

static cli_exit_code make_root(void)
{
    return make(KEY_ROOT);
}

static cli_exit_code load_device(void)
{
    uint8_t seed[MT_KEY_LEN];

    return cli_key_load(store, KEY_DEVICE, seed);
}

static cli_exit_code load_root(void)
{
    uint8_t seed[MT_KEY_LEN];

    return cli_key_load(store, KEY_ROOT, seed);
}

static unsigned mode_of(const char *ending)
{
    struct stat about;

    CHECK(lstat(path_of(ending), &about) == 0);
    return about.st_mode & 07777;
}

/* ---- Tests ---- */

TEST(key_that_was_made_is_loaded)
{
    uint8_t made[MT_KEY_LEN], read[MT_KEY_LEN], public_key[MT_KEY_LEN];
    char *folder = cli_keys_folder(store);
    mode_t mask = umask(0);

    assert_string_equal(folder, path_of("-keys"));
    free(folder);
    CHECK(!cli_keys_has(store, KEY_DEVICE));
    CHECK(cli_key_load(store, KEY_DEVICE, read) == EXIT_DIFFERENT);
    CHECK(cli_key_make(store, KEY_DEVICE, made) == EXIT_DONE);
    umask(mask);
    CHECK(cli_keys_has(store, KEY_DEVICE) && !cli_keys_has(store, KEY_ROOT));
    CHECK(cli_key_load(store, KEY_DEVICE, read) == EXIT_DONE);
    assert_memory_equal(read, made, sizeof made);
    CHECK(cli_key_public(store, KEY_DEVICE, public_key) == EXIT_DONE);
    CHECK(memcmp(public_key, made, sizeof made) != 0);
    CHECK(cli_key_public(store, KEY_ROOT, public_key) == EXIT_DIFFERENT);
    CHECK(mode_of("-keys") == 0700 && mode_of("-keys/device.key") == 0600);
}

TEST(modes_do_not_depend_on_the_mask)
{
    uint8_t made[MT_KEY_LEN];
    mode_t mask = umask(0277);
    cli_exit_code code;

    CHECK(mkdir(path_of("-keys"), 0700) == 0 && chmod(path_of("-keys"), 0700) == 0);
    code = cli_key_make(store, KEY_DEVICE, made);
    umask(mask);
    CHECK(code == EXIT_DONE && mode_of("-keys/device.key") == 0600);
}

TEST(no_key_is_made_over_another)
{
    uint8_t made[MT_KEY_LEN], again[MT_KEY_LEN], read[MT_KEY_LEN];

    CHECK(cli_key_make(store, KEY_DEVICE, made) == EXIT_DONE);
    CHECK(cli_key_make(store, KEY_DEVICE, again) == EXIT_INPUT);
    CHECK(cli_key_make(store, KEY_ROOT, again) == EXIT_DONE);
    CHECK(memcmp(made, again, sizeof made) != 0);
    CHECK(cli_key_load(store, KEY_DEVICE, read) == EXIT_DONE);
    assert_memory_equal(read, made, sizeof made);
}

TEST(what_a_crash_left_is_written_over)
{
    uint8_t made[MT_KEY_LEN];
    int fd;

    CHECK(mkdir(path_of("-keys"), 0700) == 0);
    fd = open(path_of("-keys/device.key.new"), O_WRONLY | O_CREAT, 0644);
    CHECK(fd >= 0 && write(fd, "half", 4) == 4 && close(fd) == 0);
    CHECK(!cli_keys_has(store, KEY_DEVICE));
    CHECK(cli_key_make(store, KEY_DEVICE, made) == EXIT_DONE);
    CHECK(access(path_of("-keys/device.key.new"), F_OK) != 0 && errno == ENOENT);
    CHECK(mode_of("-keys/device.key") == 0600);
}

TEST(key_has_the_passphrase_that_is_given)
{
    CHECK(apart(make_device, "open sesame") == EXIT_DONE);
    CHECK(apart(load_device, "open sesame") == EXIT_DONE);
    CHECK(apart(load_device, "open says me") == EXIT_INPUT);
    CHECK(apart(load_device, NULL) == EXIT_INPUT);
}

TEST(further_keys_have_the_passphrase_of_the_first)
{
    CHECK(apart(make_device, "open sesame") == EXIT_DONE);
    CHECK(apart(make_root, NULL) == EXIT_INPUT);
    CHECK(apart(make_root, "open says me") == EXIT_INPUT);
    CHECK(!cli_keys_has(store, KEY_ROOT));
    CHECK(apart(make_root, "open sesame") == EXIT_DONE);
    CHECK(apart(load_root, NULL) == EXIT_INPUT);
    CHECK(apart(load_root, "open sesame") == EXIT_DONE);
}

static cli_exit_code look_for_passphrase(void)
{
    const char *value = getenv("MYTOSIS_PASSPHRASE");
    cli_exit_code code = load_device();

    if (code != EXIT_DONE || !value) return EXIT_USAGE;
    for (size_t i = 0; i < sizeof "open sesame"; i++)
        if (value[i]) return EXIT_DIFFERENT;
    return getenv("MYTOSIS_PASSPHRASE") ? EXIT_DIFFERENT : EXIT_DONE;
}

TEST(passphrase_does_not_stay_in_the_environment)
{
    CHECK(apart(make_device, "open sesame") == EXIT_DONE);
    CHECK(apart(look_for_passphrase, "open sesame") == EXIT_DONE);
}

static cli_exit_code find_limit(void)
{
    struct rlimit limit = {1, 1};
    cli_exit_code code = load_device();

    if (code != EXIT_DONE || getrlimit(RLIMIT_CORE, &limit) != 0) return EXIT_USAGE;
    return limit.rlim_cur == 0 && limit.rlim_max == 0 ? EXIT_DONE : EXIT_DIFFERENT;
}

TEST(whoever_loads_a_key_leaves_no_core)
{
    CHECK(apart(make_device, NULL) == EXIT_DONE);
    CHECK(apart(find_limit, NULL) == EXIT_DONE);
}

#define ROUNDS 20

/* Many at a time make the same key: one does, and all others find it. */
TEST(one_of_many_makes_a_key)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        pid_t children[4];
        size_t made = 0;

        (void)unlink(path_of("-keys/device.key"));
        for (size_t i = 0; i < TEST_COUNT(children); i++) {
            children[i] = fork();
            CHECK(children[i] >= 0);
            if (children[i] == 0) {
                (void)close(STDERR_FILENO);
                _exit((int)make_device());
            }
        }
        for (size_t i = 0; i < TEST_COUNT(children); i++) {
            int status = 0;

            CHECK(waitpid(children[i], &status, 0) == children[i] && WIFEXITED(status));
            CHECK(WEXITSTATUS(status) == EXIT_DONE || WEXITSTATUS(status) == EXIT_INPUT);
            made += WEXITSTATUS(status) == EXIT_DONE;
        }
        CHECK(made == 1);
        CHECK(apart(load_device, NULL) == EXIT_DONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(key_that_was_made_is_loaded, begin, end),
        cmocka_unit_test_setup_teardown(modes_do_not_depend_on_the_mask, begin, end),
        cmocka_unit_test_setup_teardown(no_key_is_made_over_another, begin, end),
        cmocka_unit_test_setup_teardown(what_a_crash_left_is_written_over, begin, end),
        cmocka_unit_test_setup_teardown(key_has_the_passphrase_that_is_given, begin, end),
        cmocka_unit_test_setup_teardown(further_keys_have_the_passphrase_of_the_first, begin, end),
        cmocka_unit_test_setup_teardown(passphrase_does_not_stay_in_the_environment, begin, end),
        cmocka_unit_test_setup_teardown(whoever_loads_a_key_leaves_no_core, begin, end),
        cmocka_unit_test_setup_teardown(one_of_many_makes_a_key, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
