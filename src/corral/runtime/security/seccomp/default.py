"""The default profile: an allow-list, in effect Docker's own.

Everything that ordinary programs need is allowed; what administers the machine is allowed together with the capability
that it needs anyway; the rest gets EPERM. Refused to all, whatever their capabilities: keyrings (not separated by
namespaces), AF_ALG and AF_VSOCK sockets, userfaultfd and io_uring (attack surface), new system calls (ENOSYS), kexec,
swap, and old curiosities.
"""

from __future__ import annotations

import errno
from typing import Final

from corral.linux.namespace import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
)
from corral.oci.runtime import SeccompArg, SeccompSyscall
from corral.runtime.security.seccomp.profile import ArchMap, Condition, Entry, Profile

__all__ = ["DEFAULT"]

_ALLOWED: Final[dict[str, str]] = {
    "files": """
        open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv preadv2 pwritev
        pwritev2 lseek _llseek truncate truncate64 ftruncate ftruncate64 fallocate fsync fdatasync sync syncfs
        sync_file_range sync_file_range2 arm_sync_file_range fadvise64 fadvise64_64 arm_fadvise64_64 readahead
        copy_file_range sendfile sendfile64 splice tee vmsplice cachestat flock fcntl fcntl64 ioctl dup dup2 dup3
        pipe pipe2 memfd_create memfd_secret io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents
        io_pgetevents_time64 name_to_handle_at""",
    "names and attributes": """
        access faccessat faccessat2 chdir fchdir getcwd mkdir mkdirat mknod mknodat rmdir link linkat symlink symlinkat
        readlink readlinkat rename renameat renameat2 unlink unlinkat getdents getdents64 stat stat64 lstat lstat64
        fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64 statmount listmount chmod fchmod
        fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown lchown32 umask utime utimes futimesat
        utimensat utimensat_time64 getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat
        listxattr llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat""",
    "waiting for events": """
        poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 epoll_ctl
        epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4
        inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark timerfd_create timerfd_gettime
        timerfd_gettime64 timerfd_settime timerfd_settime64""",
    "memory": """
        brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall mseal
        remap_file_pages pkey_alloc pkey_free pkey_mprotect membarrier map_shadow_stack process_mrelease""",
    "processes and threads": """
        execve execveat exit exit_group fork vfork wait4 waitid waitpid getpid getppid gettid getpgid getpgrp setpgid
        getsid setsid pidfd_open pidfd_send_signal process_vm_readv process_vm_writev ptrace prctl set_tid_address
        get_robust_list set_robust_list rseq restart_syscall futex futex_time64 futex_waitv futex_wait futex_wake
        futex_requeue uretprobe seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self""",
    "scheduling and limits": """
        sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min
        sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
        sched_setparam sched_setscheduler sched_yield getpriority setpriority ioprio_get ioprio_set getcpu getrlimit
        ugetrlimit setrlimit prlimit64 getrusage times""",
    "signals": """
        kill tkill tgkill pause alarm rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
        rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn""",
    "time": """
        time gettimeofday adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
        clock_gettime64 clock_nanosleep clock_nanosleep_time64 nanosleep getitimer setitimer timer_create timer_delete
        timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64""",
    "identity": """
        getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getgroups getgroups32 getresuid
        getresuid32 getresgid getresgid32 setuid setuid32 setgid setgid32 setgroups setgroups32 setreuid setreuid32
        setregid setregid32 setresuid setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32
        capget capset""",
    "communication": """
        socketcall socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt
        setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 ipc msgctl msgget msgrcv
        msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget mq_getsetattr mq_notify
        mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink""",
    "the machine": """
        uname sysinfo getrandom arch_prctl modify_ldt get_thread_area set_thread_area breakpoint cacheflush set_tls""",
}

_WITH_CAPABILITY: Final[dict[str, str]] = {
    "CAP_BPF": "bpf",
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_PERFMON": "perf_event_open",
    "CAP_SYSLOG": "syslog",
    "CAP_SYS_ADMIN": """
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
        lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl
        quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare""",
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": "kcmp pidfd_getfd process_madvise",
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_TIME": "clock_settime clock_settime64 settimeofday stime",
    "CAP_SYS_TTY_CONFIG": "vhangup",
}

_AF_ALG: Final = 38
"""The kernel's cryptography: attack surface that hardly a program uses. Docker refuses it since 2026 (its profiles
0.2.1); Docker 28 let it pass."""
_AF_VSOCK: Final = 40
"""Talks to the hypervisor and knows no namespaces."""
_OTHER_FAMILIES: Final = (
    SeccompArg(0, _AF_ALG, "SCMP_CMP_LT"),
    SeccompArg(0, _AF_ALG + 1, "SCMP_CMP_EQ"),
    SeccompArg(0, _AF_VSOCK, "SCMP_CMP_GT"),
)

# personality(2): PER_LINUX, PER_LINUX32, each with UNAME26, and the query.
_PERSONALITIES: Final = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)

_NAMESPACES: Final = (
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
)

_ALLOW: Final = "SCMP_ACT_ALLOW"
_NOT_ADMIN: Final = Condition(caps=("CAP_SYS_ADMIN",))


def _allow(*names: str, args: tuple[SeccompArg, ...] = ()) -> SeccompSyscall:
    return SeccompSyscall(names=names, action=_ALLOW, args=args)


def _entries() -> tuple[Entry, ...]:
    entries = [Entry(_allow(*names.split())) for names in _ALLOWED.values()]
    entries += [Entry(_allow("socket", args=(family,))) for family in _OTHER_FAMILIES]
    entries += [Entry(_allow("personality", args=(SeccompArg(0, p, "SCMP_CMP_EQ"),))) for p in _PERSONALITIES]
    entries += [Entry(_allow(*names.split()), Condition(caps=(cap,))) for cap, names in _WITH_CAPABILITY.items()]
    no_namespaces = SeccompArg(0, _NAMESPACES, "SCMP_CMP_MASKED_EQ", 0)
    entries.append(Entry(_allow("clone", args=(no_namespaces,)), excludes=_NOT_ADMIN))
    # The flags of clone3 are behind a pointer, where no filter can look: ENOSYS makes C libraries fall back to clone.
    refuse_clone3 = SeccompSyscall(("clone3",), "SCMP_ACT_ERRNO", errno.ENOSYS)
    entries.append(Entry(refuse_clone3, excludes=_NOT_ADMIN))
    return tuple(entries)


DEFAULT: Final = Profile(
    digest="default",
    default_action="SCMP_ACT_ERRNO",
    default_errno_ret=errno.EPERM,
    arch_map=(
        ArchMap("SCMP_ARCH_X86_64", ("SCMP_ARCH_X86", "SCMP_ARCH_X32")),
        ArchMap("SCMP_ARCH_AARCH64", ("SCMP_ARCH_ARM",)),
    ),
    entries=_entries(),
)
