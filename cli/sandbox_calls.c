/* System calls: seccomp, by libseccomp. Refused is what a daemon never does; all else goes on, as what the C library calls differs
 * from version to version. */
#include "sandbox.h"

#include <stdio.h>
#include <string.h>

static mt_status fail(mt_error *err, const char *why)
{
    err->status = MT_UNSUPPORTED;
    (void)snprintf(err->text, sizeof err->text, "seccomp: %s", why);
    return err->status;
}

#ifdef MYTOSIS_WITH_SECCOMP

#include <errno.h>
#include <netinet/in.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <unistd.h>

/* The flags of clone are its first argument but there. */
#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

static const int refused[] = {
    /* New processes; a clone that makes no thread is refused below. */
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork),
    /* Other processes. */
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd), SCMP_SYS(pidfd_send_signal),
    /* What is mounted where, and for whom. */
    SCMP_SYS(mount), SCMP_SYS(umount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(open_tree), SCMP_SYS(move_mount), SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at), SCMP_SYS(fanotify_init),
    /* The kernel and the machine. */
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
    SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(quotactl),
    SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime),
    SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(syslog), SCMP_SYS(iopl),
    SCMP_SYS(ioperm), SCMP_SYS(personality), SCMP_SYS(vhangup),
    /* Keys that the kernel keeps. */
    SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl)};

/* These the libraries do without where they are not there: one hides its flags, the other what it does. */
static const int unknown[] = {SCMP_SYS(clone3), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
                              SCMP_SYS(io_uring_register)};

#define REFUSE SCMP_ACT_ERRNO(EPERM)

static struct scmp_arg_cmp argument(unsigned number, enum scmp_compare op, scmp_datum_t than)
{
    return (struct scmp_arg_cmp){.arg = number, .op = op, .datum_a = than};
}

/* Sockets are of Unix or of IP, and netlink, which names and addresses need. Of a stream over IP only TCP: Landlock looks at no
 * other. */
static int refuse_sockets(scmp_filter_ctx filter)
{
    static const unsigned ip[] = {AF_INET, AF_INET6};
    int rc = 0;

    for (unsigned family = 0; family < AF_NETLINK && rc == 0; family++)
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
            rc = seccomp_rule_add(filter, REFUSE, SCMP_SYS(socket), 1,
                                  argument(0, SCMP_CMP_EQ, family));
    if (rc == 0)
        rc = seccomp_rule_add(filter, REFUSE, SCMP_SYS(socket), 1,
                              argument(0, SCMP_CMP_GT, AF_NETLINK));
    for (size_t i = 0; i < 2 && rc == 0; i++) {
        for (unsigned p = 1; p < IPPROTO_UDP && rc == 0; p++)
            if (p != IPPROTO_TCP)
                rc = seccomp_rule_add(filter, REFUSE, SCMP_SYS(socket), 2,
                                      argument(0, SCMP_CMP_EQ, ip[i]), argument(2, SCMP_CMP_EQ, p));
        if (rc == 0)
            rc = seccomp_rule_add(filter, REFUSE, SCMP_SYS(socket), 2,
                                  argument(0, SCMP_CMP_EQ, ip[i]),
                                  argument(2, SCMP_CMP_GT, IPPROTO_UDP));
    }
    return rc;
}

static int add_rules(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp is_no_thread = {
        .arg = CLONE_FLAGS, .op = SCMP_CMP_MASKED_EQ, .datum_a = CLONE_THREAD, .datum_b = 0};
    scmp_datum_t self = (scmp_datum_t)getpid();
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    for (size_t i = 0; i < sizeof refused / sizeof *refused && rc == 0; i++)
        rc = seccomp_rule_add(filter, REFUSE, refused[i], 0);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), unknown[i], 0);
    if (rc == 0) rc = seccomp_rule_add(filter, REFUSE, SCMP_SYS(clone), 1, is_no_thread);
    if (rc == 0)
        rc = seccomp_rule_add(filter, REFUSE, SCMP_SYS(kill), 1, argument(0, SCMP_CMP_NE, self));
    if (rc == 0)
        rc = seccomp_rule_add(filter, REFUSE, SCMP_SYS(tgkill), 1, argument(0, SCMP_CMP_NE, self));
    return rc == 0 ? refuse_sockets(filter) : rc;
}

mt_status cli_sandbox_calls(mt_error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter ? add_rules(filter) : -ENOMEM;

    if (rc == 0) rc = seccomp_load(filter);
    if (filter) seccomp_release(filter);
    return rc == 0 ? MT_OK : fail(err, strerror(-rc));
}

#else

mt_status cli_sandbox_calls(mt_error *err)
{
    return fail(err, "this build is without libseccomp");
}

#endif
