/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The option table and its parser (DECISIONS 13). A new option is a row. */
#include "tandem/base.h"

#include "cli.h"
#include "softmmu/base/keyval.h"

static bool call_help(StartPlan *p, const char *arg, Error **errp)
{
    cli_print_help(p);
    p->done = true;
    return true;
}

static bool call_version(StartPlan *p, const char *arg, Error **errp)
{
    cli_print_version(p);
    p->done = true;
    return true;
}

static bool call_enable_kvm(StartPlan *p, const char *arg, Error **errp)
{
    return cli_give(p, "accel", "kvm", errp);
}

static bool call_readconfig(StartPlan *p, const char *arg, Error **errp)
{
    return cli_read_config(p, arg, errp);
}

static bool call_set(StartPlan *p, const char *arg, Error **errp)
{
    return cli_set(p, arg, errp);
}

#define LIST(name, field, arg, help)                                           \
    {                                                                          \
        name, CLI_LIST, offsetof(StartPlan, field), NULL, arg, help            \
    }
#define TEXT(name, field, arg, help)                                           \
    {                                                                          \
        name, CLI_TEXT, offsetof(StartPlan, field), NULL, arg, help            \
    }
#define FLAG(name, field, help)                                                \
    {                                                                          \
        name, CLI_FLAG, offsetof(StartPlan, field), NULL, NULL, help           \
    }
#define CALL(name, fn, help)                                                   \
    {                                                                          \
        name, CLI_CALL, 0, fn, NULL, help                                      \
    }
#define CALL_ARG(name, fn, arg, help)                                          \
    {                                                                          \
        name, CLI_CALL, 0, fn, arg, help                                       \
    }

/* clang-format off */
const CliOption cli_options[] = {
    CALL("h", call_help, "same as -help"),
    CALL("help", call_help, "print this help and exit"),
    CALL("version", call_version, "print the version and exit"),
    LIST("machine", machine, "[type=]NAME[,prop=value...]", "choose the machine; \"help\" lists them"),
    LIST("M", machine, "NAME[,prop=value...]", "same as -machine"),
    CALL_ARG("readconfig", call_readconfig, "FILE", "read options from sections of a file"),
    CALL_ARG("set", call_set, "GROUP.ID.ARG=VALUE", "change an option that was given before"),
    TEXT("cpu", cpu, "MODEL[,feature=on|off...]", "choose the CPU; \"help\" lists them"),
    LIST("accel", accel, "NAME[,prop=value...]", "choose the accelerator: kvm, tcg, qtest"),
    CALL("enable-kvm", call_enable_kvm, "same as -accel kvm"),
    LIST("smp", smp, "[cpus=]N[,maxcpus=N][,sockets=N][,cores=N][,threads=N]", "number of CPUs and their topology"),
    LIST("m", memory, "[size=]SIZE[,slots=N,maxmem=SIZE]", "size of guest memory, in MiB without a suffix"),
    TEXT("mem-path", mem_path, "PATH", "file or folder that guest memory is mapped from"),
    FLAG("mem-prealloc", mem_prealloc, "take guest memory from the host at once"),
    TEXT("kernel", kernel, "FILE", "kernel image or ELF to boot"),
    TEXT("initrd", initrd, "FILE", "initial ramdisk"),
    TEXT("append", append, "TEXT", "kernel command line"),
    TEXT("dtb", dtb, "FILE", "device tree instead of the generated one"),
    LIST("boot", boot, "[order=LETTERS][,once=LETTERS][,menu=on|off][,splash=FILE][,splash-time=MS][,reboot-timeout=MS][,strict=on|off]", "what firmware tries and how; see also bootindex= of devices"),
    TEXT("bios", bios, "FILE|none", "firmware; \"none\" for no firmware"),
    LIST("device", device, "TYPE[,id=ID][,bus=BUS][,prop=value...]", "add a device; \"help\" lists them, TYPE,help its properties"),
    LIST("object", object, "TYPE,id=ID[,prop=value...]", "create a back end object; \"help\" lists them"),
    LIST("fw_cfg", fw_cfg, "[name=]NAME,file=FILE|string=TEXT", "give firmware a named file"),
    LIST("global", global, "TYPE.PROP=VALUE", "change a default of a device type"),
    LIST("drive", drive, "[file=FILE][,format=raw][,if=none|virtio|pflash][,id=ID][,cache=MODE][,prop=value...]", "add a disk"),
    LIST("blockdev", blockdev, "DRIVER,node-name=NAME[,prop=value...]", "add a node to the block graph"),
    TEXT("hda", hda, "FILE", "the first disk; also without the option"),
    TEXT("hdb", hdb, "FILE", "the second disk"),
    TEXT("hdc", hdc, "FILE", "the third disk"),
    TEXT("hdd", hdd, "FILE", "the fourth disk"),
    LIST("cdrom", cdrom, "FILE", "a disk that cannot be written"),
    LIST("pflash", pflash, "FILE", "contents of the next flash bank, raw"),
    FLAG("snapshot", snapshot, "write to temporary files instead of the images"),
    LIST("chardev", chardev, "BACKEND,id=ID[,prop=value...]", "create a character device; \"help\" lists them"),
    LIST("netdev", netdev, "TYPE,id=ID[,prop=value...]", "create a network back end; \"help\" lists them, TYPE,help its properties"),
    LIST("nic", nic, "TYPE|none[,model=MODEL][,mac=ADDRESS][,prop=value...]", "create a NIC and its network back end"),
    LIST("net", net, "nic|TYPE|none[,prop=value...]", "the old form: NICs and back ends on hub 0"),
    LIST("serial", serial, "CHARDEV", "connect the next serial port"),
    LIST("monitor", monitor, "CHARDEV", "put a human monitor on a character device"),
    LIST("qmp", qmp, "CHARDEV", "put a QMP monitor on a character device"),
    LIST("qmp-pretty", qmp_pretty, "CHARDEV", "the same with indented output"),
    LIST("mon", mon, "[chardev=]ID[,mode=readline|control][,pretty=on|off]", "put a monitor on the character device ID"),
    FLAG("nographic", nographic, "no display; serial port and monitor on stdio"),
    FLAG("nodefaults", nodefaults, "no default devices"),
    FLAG("no-user-config", no_user_config, "do not read the user's configuration files"),
    LIST("gdb", gdb, "tcp:HOST:PORT|unix:PATH|stdio|chardev:ID|none", "wait for gdb there"),
    FLAG("s", gdb_default, "same as -gdb tcp::1234"),
    FLAG("S", stopped, "do not start the CPUs"),
    FLAG("no-reboot", no_reboot, "exit instead of rebooting"),
    FLAG("no-shutdown", no_shutdown, "stop instead of exiting when the guest powers off"),
    TEXT("display", display, "none", "the display; this build has none to show"),
    TEXT("vga", vga, "none", "the display adapter; this machine has none"),
    LIST("parallel", parallel, "none", "the parallel port; this machine has none"),
    LIST("action", action, "[reboot=reset|shutdown][,shutdown=poweroff|pause][,panic=pause|shutdown|exit-failure|none][,watchdog=ACTION]", "what follows such events"),
    LIST("watchdog-action", watchdog_action, "reset|shutdown|poweroff|inject-nmi|pause|debug|none", "same as -action watchdog="),
    LIST("audiodev", audiodev, "[driver=]none,id=ID", "the sound back end; none is all there is"),
    TEXT("k", keyboard, "LANGUAGE", "keyboard layout, for a display; there is none"),
    LIST("smbios", smbios, "type=N[,field=TEXT...]", "a field of an SMBIOS table; file=FILE: a structure"),
    LIST("compat", compat, "[deprecated-input=accept|reject|crash][,deprecated-output=accept|hide][,unstable-input=...][,unstable-output=...]", "use of deprecated and unstable QMP members; there are none"),
    TEXT("rtc", rtc, "[base=utc|localtime|DATE][,clock=host|rt|vm][,driftfix=none]", "where the real-time clock starts and what drives it"),
    FLAG("semihosting", semihosting_on, "serve the guest's semihosting calls"),
    LIST("semihosting-config", semihosting, "[enable=on|off][,target=native|gdb|auto][,chardev=ID][,userspace=on|off][,arg=TEXT...]", "how semihosting calls are served"),
    LIST("add-fd", add_fd, "fd=FD,set=SET[,opaque=TEXT]", "put an inherited descriptor into a set"),
    LIST("incoming", incoming, "URI|defer", "load the machine's state from there"),
    TEXT("pidfile", pidfile, "FILE", "write the process id to FILE"),
    FLAG("daemonize", daemonize, "go to the background when ready"),
    TEXT("msg", msg, "[timestamp=on|off][,guest-name=on|off]", "format of error messages"),
    TEXT("overcommit", overcommit, "[mem-lock=on|off|on-fault][,cpu-pm=on|off]", "use of the host"),
    TEXT("sandbox", sandbox, "on|off[,obsolete=allow|deny][,elevateprivileges=allow|deny|children][,spawn=allow|deny][,resourcecontrol=allow|deny]", "filter the system calls we make"),
    TEXT("runas", runas, "USER|UID:GID", "become that user when all is open"),
    TEXT("chroot", chroot, "DIR", "make DIR the root folder when all is open"),
    TEXT("run-with", run_with, "[user=USER][,chroot=DIR][,async-teardown=off]", "the same in one option"),
    TEXT("d", log_classes, "CLASS[,...]", "log these classes; \"help\" lists them"),
    TEXT("D", log_file, "FILE", "log to FILE, %d in it is the thread"),
    LIST("trace", trace, "[enable=]PATTERN", "log these trace events; \"help\" lists them"),
    LIST("L", paths, "DIR", "search DIR for firmware; \"help\" lists where it is looked for"),
    LIST("name", name, "[guest=]NAME[,process=NAME][,debug-threads=on|off]", "name of the machine"),
    TEXT("uuid", uuid, "UUID", "identity of the machine"),
    TEXT("seed", seed, "NUMBER", "seed of guest-visible random numbers"),
    TEXT("qtest", qtest, "CHARDEV", "serve the qtest protocol on a character device"),
    TEXT("qtest-log", qtest_log, "FILE|none", "log the lines of the qtest protocol"),
    TEXT("icount", icount, "[shift=]N|auto[,align=on|off][,sleep=on|off]", "virtual time counts instructions, 2^N ns each"),
    FLAG("perfmap", perfmap, "name translated code in /tmp/perf-PID.map"),
    FLAG("jitdump", jitdump, "record translated code in jit-PID.dump"),
    FLAG("one-insn-per-tb", one_insn_per_tb, "translate one guest insn at a time"),
    { 0 },
};
/* clang-format on */

static const CliOption *find_option(const char *name, Error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const CliOption *o;

    for (o = cli_options; o->name; o++) {
        if (strcmp(o->name, name) == 0) {
            return o;
        }
        g_ptr_array_add(names, (void *)o->name);
    }
    g_ptr_array_add(names, NULL);
    if (cli_absent(name)) {
        error_set(errp, "-%s: %s", name, cli_absent(name));
        return NULL;
    }
    error_set(errp, "-%s: invalid option", name);
    error_suggest(errp, name, (const char *const *)names->pdata);
    return NULL;
}

static void store(StartPlan *p, const CliOption *o, const char *arg)
{
    void *field = (char *)p + o->offset;

    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)field = true;
        break;
    case CLI_TEXT: /* the last one wins */
        g_free(*(char **)field);
        *(char **)field = g_strdup(arg);
        break;
    case CLI_LIST:
        if (!*(GPtrArray **)field) {
            *(GPtrArray **)field = g_ptr_array_new_with_free_func(g_free);
        }
        g_ptr_array_add(*(GPtrArray **)field, g_strdup(arg));
        break;
    case CLI_CALL:
        break;
    }
}

static bool take(StartPlan *p, const CliOption *o, const char *arg,
                 Error **errp)
{
    if (arg && !cli_check_params(o->name, arg, &p->done, errp)) {
        return false;
    }
    if (o->kind == CLI_CALL && !o->call(p, arg, errp)) {
        return false;
    }
    store(p, o, arg);
    return true;
}

bool cli_give(StartPlan *p, const char *name, const char *arg, Error **errp)
{
    const CliOption *o = find_option(name, errp);

    return o && take(p, o, arg, errp);
}

GPtrArray *cli_list(StartPlan *p, const char *name)
{
    const CliOption *o = find_option(name, NULL);

    return o && o->kind == CLI_LIST ? *(GPtrArray **)((char *)p + o->offset)
                                    : NULL;
}

bool cli_parse(StartPlan *p, int argc, char **argv, Error **errp)
{
    for (int i = 0; i < argc && !p->done; i++) {
        const char *word = argv[i];
        const char *arg = NULL;
        const CliOption *o;

        if (word[0] != '-' || word[1] == '\0') {
            g_free(p->hda); /* a disk image */
            p->hda = g_strdup(word);
            continue;
        }
        o = find_option(word + 1 + (word[1] == '-'), errp);
        if (!o) {
            return false;
        }
        if (o->arg) {
            if (i + 1 >= argc) {
                error_set(errp, "%s: requires an argument", word);
                return false;
            }
            arg = argv[++i];
        }
        if (!take(p, o, arg, errp)) {
            return false;
        }
    }
    return true;
}

void cli_print_help(const StartPlan *p)
{
    cli_print_version(p);
    printf("usage: %s [options] [disk_image]\n\n", p->who.program);
    for (const CliOption *o = cli_options; o->name; o++) {
        printf("-%s%s%s\n                %s\n", o->name, o->arg ? " " : "",
               o->arg ? o->arg : "", o->help);
    }
}

void cli_print_version(const StartPlan *p)
{
    if (p->who.qemu && g_str_has_prefix(p->who.program, "qemu-")) {
        printf("QEMU emulator version 10.0.0 (Tandem %s)\n", TANDEM_VERSION);
    } else {
        printf("Tandem %s\n", TANDEM_VERSION);
    }
}
