/* sandbox_test.c - a process that has entered the sandbox of the daemon tries what it must not, and what it needs.
 *
 * Each test is a child, which enters what serve enters for the settings of a store in a folder of its own. */
#include "test.h"
#include "test_folder.h"

#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined MYTOSIS_WITH_SECCOMP && !defined MYTOSIS_NO_SANDBOX
#include <seccomp.h>
#endif

static test_folder folder;

/* In a child it ends that with the number of its line. */
#define HAVE(truth) \
    if (!(truth)) _exit(report(__LINE__))

#define FULL 100 /* the child could not enter all of the sandbox */

static int report(int line)
{
    (void)fprintf(stderr, "    line %d: %s\n", line, strerror(errno));
    return 1;
}

static bool is_refused(bool failed)
{
    return failed && (errno == EACCES || errno == EPERM);
}

static cli_config_value settings[3];

/* A daemon that listens at a port, and connects to another. */
static cli_config config_of(cli_sandbox_mode mode)
{
    static char store[160], listen[64] = "tcp://127.0.0.1:0", peer[64] = "tcp://127.0.0.1:7117";
    static char from[] = "test";
    cli_config config = {.sandbox = mode};

    (void)snprintf(store, sizeof store, "%s", test_folder_file(&folder, "notes.mdb"));
    settings[0] = (cli_config_value){store, from};
    settings[1] = (cli_config_value){listen, from};
    settings[2] = (cli_config_value){peer, from};
    config.settings[SETTING_STORE].items = &settings[0];
    config.settings[SETTING_STORE].count = 1;
    config.settings[SETTING_LISTEN].items = &settings[1];
    config.settings[SETTING_LISTEN].count = 1;
    config.settings[SETTING_CONNECT].items = &settings[2];
    config.settings[SETTING_CONNECT].count = 1;
    return config;
}

static mt_status enter(cli_sandbox_mode mode, cli_sandbox_result *result, mt_error *err)
{
    cli_config config = config_of(mode);
    cli_space_file space = {.peer_count = 0};
    cli_sandbox sandbox;
    mt_status st;

    cli_serve_sandbox(&config, &space, &sandbox);
    st = cli_sandbox_enter(&sandbox, mode == SANDBOX_REQUIRED, result, err);
    cli_sandbox_free(&sandbox);
    return st;
}

/* Runs it in a child that has entered. Where not all is to be had, nothing can be tried: the test is skipped. */
static void in_sandbox(cli_sandbox_mode mode, void (*attempt)(void))
{
    int status;
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        cli_sandbox_result result;
        mt_error err = {MT_OK, ""};

        HAVE(enter(mode, &result, &err) == MT_OK || mode == SANDBOX_REQUIRED);
        if (result.lacking[0]) {
            (void)fprintf(stderr, "    %s\n", result.lacking);
            _exit(FULL);
        }
        attempt();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == FULL) skip();
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- Files ---- */

static void try_files(void)
{
    HAVE(is_refused(open("/etc/passwd", O_RDONLY) < 0));
    HAVE(is_refused(open("/etc/shadow", O_RDONLY) < 0));
    HAVE(is_refused(open("/", O_RDONLY | O_DIRECTORY) < 0));
    HAVE(is_refused(open("/mytosis-was-here", O_WRONLY | O_CREAT, 0600) < 0));
    HAVE(is_refused(open("/tmp/mytosis-was-here", O_WRONLY | O_CREAT, 0600) < 0));
    HAVE(is_refused(open("/etc/hosts", O_WRONLY | O_APPEND) < 0));
    HAVE(is_refused(mkdir("/tmp/mytosis-was-here", 0700) < 0));
    HAVE(is_refused(rename(test_folder_file(&folder, "notes.mdb"), "/tmp/mytosis-was-here") < 0) ||
         errno == EXDEV);
    HAVE(is_refused(symlink("/etc/passwd", test_folder_file(&folder, "link")) < 0));
    HAVE(is_refused(truncate("/etc/hosts", 0) < 0));
}

TEST(files_outside_of_the_folder_of_the_store_are_refused)
{
    in_sandbox(SANDBOX_WANTED, try_files);
}

static void try_own_files(void)
{
    int fd = open(test_folder_file(&folder, "notes.mdb-lock"), O_RDWR | O_CREAT, 0600);

    HAVE(fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && ftruncate(fd, 0) == 0);
    HAVE(close(fd) == 0);
    HAVE(open(folder.path, O_RDONLY | O_DIRECTORY) >= 0);
    HAVE(rename(test_folder_file(&folder, "notes.mdb-lock"), folder.path) < 0 && errno != EACCES);
    HAVE(unlink(test_folder_file(&folder, "notes.mdb-lock")) == 0);
    HAVE(open("/etc/hosts", O_RDONLY) >= 0 || errno == ENOENT);
    HAVE(open("/dev/urandom", O_RDONLY) >= 0);
    HAVE((fd = open("/dev/null", O_RDWR)) >= 0 && write(fd, "x", 1) == 1);
}

TEST(what_a_store_and_names_need_is_there)
{
    in_sandbox(SANDBOX_REQUIRED, try_own_files);
}

/* ---- Processes ---- */

static void *do_nothing(void *arg)
{
    return arg;
}

static void try_processes(void)
{
    char *words[] = {(char[]){"true"}, NULL};
    char *none[] = {NULL};
    pthread_t thread;
    pid_t child;

    HAVE(is_refused(fork() < 0));
    HAVE(is_refused(execve("/bin/true", words, none) < 0));
    HAVE(is_refused(syscall(SYS_execveat, AT_FDCWD, "/bin/true", words, none, 0) < 0));
    HAVE(is_refused((errno = posix_spawn(&child, "/bin/true", NULL, NULL, words, none)) != 0));
    HAVE(system("true") == -1 || errno == EPERM);
    HAVE(is_refused(kill(getppid(), 0) < 0));
    HAVE(is_refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0));
    HAVE(is_refused(mount("none", folder.path, "tmpfs", 0, NULL) < 0));
    HAVE(syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS);
    HAVE(syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS);
    HAVE(pthread_create(&thread, NULL, do_nothing, NULL) == 0);
    HAVE(pthread_join(thread, NULL) == 0);
    HAVE(kill(getpid(), 0) == 0);
}

TEST(no_process_can_be_started_or_reached_and_threads_can)
{
    in_sandbox(SANDBOX_WANTED, try_processes);
}

static void *try_in_thread(void *arg)
{
    try_files();
    HAVE(is_refused(fork() < 0));
    return arg;
}

static void try_thread(void)
{
    pthread_t thread;

    HAVE(pthread_create(&thread, NULL, try_in_thread, NULL) == 0);
    HAVE(pthread_join(thread, NULL) == 0);
}

TEST(threads_that_are_started_later_are_in_it)
{
    in_sandbox(SANDBOX_WANTED, try_thread);
}

/* ---- Addresses ---- */

static int reach(uint16_t port, bool listens)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

    if (fd < 0) return -1;
    if (listens) rc = bind(fd, (const struct sockaddr *)&at, sizeof at);
    else rc = connect(fd, (const struct sockaddr *)&at, sizeof at);
    if (rc == 0) rc = listens ? listen(fd, 1) : 0;
    return rc;
}

static void try_other_ports(void)
{
    HAVE(is_refused(reach(7999, false) < 0));
    HAVE(is_refused(reach(22, false) < 0));
    HAVE(is_refused(reach(7999, true) < 0));
    HAVE(reach(7117, false) == 0 || errno == ECONNREFUSED);
    HAVE(reach(53, false) == 0 || errno == ECONNREFUSED);
    HAVE(reach(0, true) == 0);
}

TEST(only_ports_that_are_configured_are_reached_if_it_is_required)
{
    in_sandbox(SANDBOX_REQUIRED, try_other_ports);
}

static void try_listening(void)
{
    HAVE(is_refused(reach(7999, true) < 0));
    HAVE(reach(0, true) == 0);
    HAVE(reach(7999, false) == 0 || errno == ECONNREFUSED);
}

TEST(only_ports_that_are_configured_are_listened_on)
{
    in_sandbox(SANDBOX_WANTED, try_listening);
}

static void try_sockets(void)
{
    HAVE(is_refused(socket(AF_PACKET, SOCK_RAW, 0) < 0));
    HAVE(is_refused(socket(40 /* AF_VSOCK */, SOCK_STREAM, 0) < 0));
    HAVE(is_refused(socket(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */) < 0));
    HAVE(is_refused(socket(AF_INET6, SOCK_STREAM, IPPROTO_SCTP) < 0));
    HAVE(is_refused(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0));
    HAVE(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    HAVE(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP) >= 0);
    HAVE(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
}

TEST(sockets_are_of_kinds_that_can_be_looked_at)
{
    in_sandbox(SANDBOX_WANTED, try_sockets);
}

/* ---- What is not to be had ---- */

#if defined MYTOSIS_WITH_SECCOMP && !defined MYTOSIS_NO_SANDBOX
/* A kernel without Landlock. */
static bool lose_landlock(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool done = filter && seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), 444, 0) == 0 &&
                seccomp_load(filter) == 0;

    seccomp_release(filter);
    return done;
}

TEST(what_is_lacking_is_said_and_is_an_error_where_all_is_required)
{
    cli_sandbox_result result;
    mt_error err = {MT_OK, ""};
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        HAVE(lose_landlock());
        HAVE(enter(SANDBOX_WANTED, &result, &err) == MT_OK && !result.has_files);
        HAVE(strstr(result.lacking, "Landlock: this kernel has none"));
        HAVE(enter(SANDBOX_REQUIRED, &result, &err) == MT_UNSUPPORTED);
        HAVE(strncmp(err.text, "the sandbox cannot be had: Landlock: this kernel has none", 57) ==
             0);
        HAVE(open("/etc/passwd", O_RDONLY) >= 0 && is_refused(fork() < 0));
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *wait_for_end(void *arg)
{
    (void)pause();
    return arg;
}

/* Landlock would not hold for it. */
TEST(another_thread_is_a_lack)
{
    cli_sandbox_result result;
    mt_error err = {MT_OK, ""};
    pthread_t thread;
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        HAVE(pthread_create(&thread, NULL, wait_for_end, NULL) == 0);
        HAVE(enter(SANDBOX_REQUIRED, &result, &err) == MT_UNSUPPORTED);
        HAVE(strstr(err.text, "there are other threads"));
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#endif

static int begin(void **state)
{
    FILE *file;

    (void)state;
    test_folder_begin(&folder);
    if (!(file = fopen(test_folder_file(&folder, "notes.mdb"), "w"))) return -1;
    return fclose(file);
}

static int end(void **state)
{
    (void)state;
    test_folder_end(&folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_outside_of_the_folder_of_the_store_are_refused),
        cmocka_unit_test(what_a_store_and_names_need_is_there),
        cmocka_unit_test(no_process_can_be_started_or_reached_and_threads_can),
        cmocka_unit_test(threads_that_are_started_later_are_in_it),
        cmocka_unit_test(only_ports_that_are_configured_are_reached_if_it_is_required),
        cmocka_unit_test(only_ports_that_are_configured_are_listened_on),
        cmocka_unit_test(sockets_are_of_kinds_that_can_be_looked_at),
#if defined MYTOSIS_WITH_SECCOMP && !defined MYTOSIS_NO_SANDBOX
        cmocka_unit_test(what_is_lacking_is_said_and_is_an_error_where_all_is_required),
        cmocka_unit_test(another_thread_is_a_lack),
#endif
    };

    return cmocka_run_group_tests(tests, begin, end);
}
