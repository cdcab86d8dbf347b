/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of the human monitor, over QMP functions. */
#include "tandem/base.h"

#include "accel/accel.h"
#include "hmp.h"
#include "softmmu/backend/net.h"
#include "softmmu/base/parse.h"
#include "softmmu/base/keyval.h"
#include "softmmu/memory/memory.h"

/* --- help --- */

static gint by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A line for each command of @tables, which end by NULL, by name. */
static void help_tables(const HmpCommand *const *tables, const char *prefix,
                        GString *out)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    for (; *tables; tables++) {
        for (const HmpCommand *c = *tables; c->name; c++) {
            g_ptr_array_add(lines,
                            g_strdup_printf("%s%s%s%s -- %s\n", prefix, c->name,
                                            c->args[0] ? " " : "", c->args,
                                            c->help));
        }
    }
    g_ptr_array_sort(lines, by_text);
    for (guint i = 0; i < lines->len; i++) {
        g_string_append(out, g_ptr_array_index(lines, i));
    }
}

static const HmpCommand *find_info(const char *name)
{
    const HmpCommand *c = NULL;

    for (size_t i = 0; !c && hmp_info_tables[i]; i++) {
        c = hmp_find(hmp_info_tables[i], name);
    }
    return c;
}

static void hmp_help(Machine *m, int argc, char **argv, GString *out,
                     Error **errp)
{
    static const HmpCommand *const commands[] = { hmp_commands, NULL };
    const HmpCommand *c = argc > 0 ? hmp_find(hmp_commands, argv[0]) : NULL;
    bool info = argc > 0 && strcmp(argv[0], "info") == 0;

    if (argc == 0) {
        help_tables(commands, "", out);
        return;
    }
    if (info && argc == 1) {
        help_tables(hmp_info_tables, "info ", out);
        return;
    }
    c = info ? find_info(argv[1]) : c;
    if (c) {
        g_string_append_printf(out, "%s%s%s%s -- %s\n", info ? "info " : "",
                               c->name, c->args[0] ? " " : "", c->args,
                               c->help);
    } else {
        error_set(errp, "unknown command: '%s'", argv[info ? 1 : 0]);
    }
}

static void complete_table(const HmpCommand *table, const char *start,
                           GPtrArray *out)
{
    for (; table->name; table++) {
        if (g_str_has_prefix(table->name, start)) {
            g_ptr_array_add(out, g_strdup(table->name));
        }
    }
}

static void complete_commands(Machine *m, const char *start, GPtrArray *out)
{
    complete_table(hmp_commands, start, out);
}

static void complete_info(Machine *m, const char *start, GPtrArray *out)
{
    for (size_t i = 0; hmp_info_tables[i]; i++) {
        complete_table(hmp_info_tables[i], start, out);
    }
}

/* --- run control --- */

#define RUN_PLAIN(fn, command)                                                 \
    static void fn(Machine *m, int argc, char **argv, GString *out,            \
                   Error **errp)                                               \
    {                                                                          \
        if (hmp_want_args(argc, 0, command, errp)) {                           \
            hmp_run_qmp(m, command, NULL, errp);                               \
        }                                                                      \
    }
RUN_PLAIN(hmp_quit, "quit")
RUN_PLAIN(hmp_stop, "stop")
RUN_PLAIN(hmp_cont, "cont")
RUN_PLAIN(hmp_system_reset, "system_reset")
RUN_PLAIN(hmp_system_powerdown, "system_powerdown")
RUN_PLAIN(hmp_system_wakeup, "system_wakeup")
RUN_PLAIN(hmp_nmi, "inject-nmi")
RUN_PLAIN(hmp_migrate_cancel, "migrate_cancel")
RUN_PLAIN(hmp_migrate_pause, "migrate-pause")
#undef RUN_PLAIN

/* --- devices and objects --- */

static void add_from_text(Machine *m, const char *command, const char *implied,
                          const char *text, Error **errp)
{
    json_object *args = keyval_parse(text, implied, errp);

    if (args) {
        hmp_run_qmp(m, command, args, errp);
    }
}

static void hmp_device_add(Machine *m, int argc, char **argv, GString *out,
                           Error **errp)
{
    if (hmp_want_args(argc, 1, "device_add TYPE[,prop=value]...", errp)) {
        add_from_text(m, "device_add", "driver", argv[0], errp);
    }
}

static void hmp_device_del(Machine *m, int argc, char **argv, GString *out,
                           Error **errp)
{
    if (hmp_want_args(argc, 1, "device_del ID", errp)) {
        hmp_run_qmp(m, "device_del", hmp_one_arg("id", argv[0]), errp);
    }
}

static void hmp_object_add(Machine *m, int argc, char **argv, GString *out,
                           Error **errp)
{
    if (hmp_want_args(argc, 1, "object_add TYPE,id=ID[,prop=value]...", errp)) {
        add_from_text(m, "object-add", "qom-type", argv[0], errp);
    }
}

static void hmp_object_del(Machine *m, int argc, char **argv, GString *out,
                           Error **errp)
{
    if (hmp_want_args(argc, 1, "object_del ID", errp)) {
        hmp_run_qmp(m, "object-del", hmp_one_arg("id", argv[0]), errp);
    }
}

static void hmp_qom_get(Machine *m, int argc, char **argv, GString *out,
                        Error **errp)
{
    json_object *args, *value;

    if (!hmp_want_args(argc, 2, "qom-get PATH PROPERTY", errp)) {
        return;
    }
    args = hmp_one_arg("path", argv[0]);
    json_object_object_add(args, "property", json_object_new_string(argv[1]));
    value = qmp_execute(m, "qom-get", args, errp);
    json_object_put(args);
    if (value) {
        g_string_append_printf(out, "%s\n", json_object_to_json_string(value));
        json_object_put(value);
    }
}

static void hmp_qom_set(Machine *m, int argc, char **argv, GString *out,
                        Error **errp)
{
    json_object *args;

    if (!hmp_want_args(argc, 3, "qom-set PATH PROPERTY VALUE", errp)) {
        return;
    }
    args = hmp_one_arg("path", argv[0]);
    json_object_object_add(args, "property", json_object_new_string(argv[1]));
    json_object_object_add(args, "value", json_object_new_string(argv[2]));
    hmp_run_qmp(m, "qom-set", args, errp);
}

static void hmp_qom_list(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    json_object *args = hmp_one_arg("path", argc ? argv[0] : "/");
    json_object *list = qmp_execute(m, "qom-list", args, errp);

    json_object_put(args);
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *p = json_object_array_get_idx(list, i);

        g_string_append_printf(out, "%s (%s)\n", json_get_text(p, "name"),
                               json_get_text(p, "type"));
    }
    json_object_put(list);
}

/* --- info --- */

static void info_status(Machine *m, int argc, char **argv, GString *out,
                        Error **errp)
{
    g_string_append_printf(out, "VM status: %s",
                           machine_running(m) ? "running" : "paused");
    if (!machine_running(m) && m->state != RUN_STATE_PAUSED) {
        g_string_append_printf(out, " (%s)", run_state_name(m->state));
    }
    g_string_append_c(out, '\n');
}

static void info_version(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    g_string_append(out, "10.0.0 (Tandem " TANDEM_VERSION ")\n");
}

static void info_mtree(Machine *m, int argc, char **argv, GString *out,
                       Error **errp)
{
    g_autofree char *text =
        memory_system_text(m->ms, argc > 0 && strcmp(argv[0], "-f") == 0);

    g_string_append(out, text);
}

static void info_chardev(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    json_object *list = qmp_execute(m, "query-chardev", NULL, errp);

    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *c = json_object_array_get_idx(list, i);

        g_string_append_printf(out, "%s: filename=%s\n",
                               json_get_text(c, "label"),
                               json_get_text(c, "filename"));
    }
    json_object_put(list);
}

static void info_name(Machine *m, int argc, char **argv, GString *out,
                      Error **errp)
{
    if (m->config.name) {
        g_string_append_printf(out, "%s\n", m->config.name);
    }
}

/* One device with its buses and what sits on them, indented. */
static void qtree_device(DeviceState *dev, int indent, GString *out);

static void qtree_bus(Bus *bus, int indent, GString *out)
{
    g_string_append_printf(out, "%*sbus: %s\n%*s  type %s\n", indent, "",
                           bus->parent.name, indent, "",
                           bus->parent.type->name);
    for (guint i = 0; i < bus->devices->len; i++) {
        qtree_device(g_ptr_array_index(bus->devices, i), indent + 2, out);
    }
}

static void qtree_device(DeviceState *dev, int indent, GString *out)
{
    g_string_append_printf(out, "%*sdev: %s, id \"%s\"\n", indent, "",
                           dev->parent.type->name, dev->id ? dev->id : "");
    for (guint i = 0; dev->buses && i < dev->buses->len; i++) {
        qtree_bus(g_ptr_array_index(dev->buses, i), indent + 2, out);
    }
}

static int qtree_object(Object *obj, void *opaque)
{
    if (type_is_a(obj->type, &device_type) && !((DeviceState *)obj)->bus) {
        qtree_device((DeviceState *)obj, 2, opaque);
    }
    return 0;
}

static void info_qtree(Machine *m, int argc, char **argv, GString *out,
                       Error **errp)
{
    g_string_append(out, "bus: main-system-bus\n  type System\n");
    object_walk(m, qtree_object, out);
}

static void qom_tree(Object *obj, const char *name, int indent, GString *out)
{
    g_string_append_printf(out, "%*s/%s (%s)\n", indent, "", name,
                           obj->type->name);
    for (guint i = 0; obj->children && i < obj->children->len; i++) {
        Object *child = g_ptr_array_index(obj->children, i);

        qom_tree(child, child->name, indent + 2, out);
    }
}

static void info_qom_tree(Machine *m, int argc, char **argv, GString *out,
                          Error **errp)
{
    qom_tree(OBJECT(m), "machine", 0, out);
}

/* --- network --- */

static void hmp_netdev_add(Machine *m, int argc, char **argv, GString *out,
                           Error **errp)
{
    json_object *args;

    if (!hmp_want_args(argc, 1, "netdev_add TYPE,id=ID[,prop=value]...",
                       errp)) {
        return;
    }
    args = netdev_parse_text(argv[0], errp);
    if (args) {
        hmp_run_qmp(m, "netdev_add", args, errp);
    }
}

static void hmp_netdev_del(Machine *m, int argc, char **argv, GString *out,
                           Error **errp)
{
    json_object *args;

    if (hmp_want_args(argc, 1, "netdev_del ID", errp)) {
        args = json_object_new_object();
        json_object_object_add(args, "id", json_object_new_string(argv[0]));
        hmp_run_qmp(m, "netdev_del", args, errp);
    }
}

static void hmp_set_link(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    json_object *args;
    bool up;

    if (!hmp_want_args(argc, 2, "set_link NAME on|off", errp)) {
        return;
    }
    if (!parse_bool(argv[1], &up)) {
        error_set(errp, "invalid link status '%s'; only 'on' or 'off' valid",
                  argv[1]);
        return;
    }
    args = json_object_new_object();
    json_object_object_add(args, "name", json_object_new_string(argv[0]));
    json_object_object_add(args, "up", json_object_new_boolean(up));
    hmp_run_qmp(m, "set_link", args, errp);
}

/* [INTERFACE[,INTERFACE]... [ID]], with the times of migration. */
static void hmp_announce_self(Machine *m, int argc, char **argv, GString *out,
                              Error **errp)
{
    NetAnnounceParams p = {
        .initial_ms = 50, .max_ms = 550, .step_ms = 100, .rounds = 5
    };
    g_auto(GStrv) names = argc > 0 ? g_strsplit(argv[0], ",", -1) : NULL;

    p.interfaces = names && names[0] ? names : NULL;
    p.id = argc > 1 ? argv[1] : NULL;
    net_announce_nics(m, &p);
}

/* In megabytes. */
static void hmp_balloon(Machine *m, int argc, char **argv, GString *out,
                        Error **errp)
{
    uint64_t value;
    char *end;
    json_object *args;

    if (!hmp_want_args(argc, 1, "balloon MEGABYTES", errp)) {
        return;
    }
    value = g_ascii_strtoull(argv[0], &end, 0);
    if (end == argv[0] || *end || value > INT64_MAX >> 20) {
        error_set(errp, "invalid size '%s'", argv[0]);
        return;
    }
    args = json_object_new_object();
    json_object_object_add(args, "value",
                           json_object_new_int64((int64_t)value << 20));
    hmp_run_qmp(m, "balloon", args, errp);
}

static void info_balloon(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    json_object *info = qmp_execute(m, "query-balloon", NULL, errp);

    if (info) {
        g_string_append_printf(
            out, "balloon: actual=%" PRId64 "\n",
            json_object_get_int64(json_object_object_get(info, "actual")) >>
                20);
        json_object_put(info);
    }
}

/* [NETDEV] RULE */
static void hmp_hostfwd_add(Machine *m, int argc, char **argv, GString *out,
                            Error **errp)
{
    if (argc == 2 ||
        hmp_want_args(argc, 1, "hostfwd_add [NETDEV] RULE", errp)) {
        net_hostfwd_add(m, argc == 2 ? argv[0] : NULL, argv[argc - 1], errp);
    }
}

static void hmp_hostfwd_remove(Machine *m, int argc, char **argv, GString *out,
                               Error **errp)
{
    if (argc != 2 &&
        !hmp_want_args(argc, 1, "hostfwd_remove [NETDEV] RULE", errp)) {
        return;
    }
    if (net_hostfwd_remove(m, argc == 2 ? argv[0] : NULL, argv[argc - 1],
                           errp)) {
        g_string_append_printf(out, "host forwarding rule for %s removed\n",
                               argv[argc - 1]);
    }
}

static void print_netdev(Netdev *nd, const char *indent, GString *out)
{
    g_autofree char *info = netdev_info(nd);

    g_string_append_printf(out, "%s%s: index=0,type=%s%s%s\n", indent,
                           netdev_id(nd), netdev_driver(nd), info[0] ? "," : "",
                           info);
}

static void print_nic(Nic *nic, void *opaque)
{
    const uint8_t *a = nic->conf->mac;

    g_string_append_printf(opaque,
                           "%s: index=0,type=nic,model=%s,macaddr="
                           "%02x:%02x:%02x:%02x:%02x:%02x\n",
                           nic->name, nic->dev->parent.type->name, a[0], a[1],
                           a[2], a[3], a[4], a[5]);
    if (nic->conf->netdev) {
        print_netdev(nic->conf->netdev, " \\ ", opaque);
    }
}

typedef struct NicSearch {
    const Netdev *nd;
    bool found;
} NicSearch;

static void has_netdev(Nic *nic, void *opaque)
{
    NicSearch *s = opaque;

    s->found |= nic->conf->netdev == s->nd;
}

static void print_lone_netdev(Netdev *nd, void *opaque)
{
    NicSearch s = { nd, false };

    net_each_nic(object_machine(nd), has_netdev, &s);
    if (!s.found) {
        print_netdev(nd, "", opaque);
    }
}

static void info_network(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    net_each_nic(m, print_nic, out);
    net_each_netdev(m, print_lone_netdev, out);
}

static void info_usernet(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    g_autofree char *text = net_user_info(m);

    g_string_append(out, text);
}

/* --- PCI --- */

static int64_t pci_int(json_object *o, const char *key)
{
    return json_object_get_int64(json_object_object_get(o, key));
}

static void pci_regions(json_object *list, GString *out)
{
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *r = json_object_array_get_idx(list, i);
        uint64_t addr = (uint64_t)pci_int(r, "address");
        uint64_t size = (uint64_t)pci_int(r, "size");

        g_string_append_printf(out, "      BAR%d: ", (int)pci_int(r, "bar"));
        if (strcmp(json_get_text(r, "type"), "io") == 0) {
            g_string_append_printf(
                out, "I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", addr,
                addr + size - 1);
        } else {
            g_string_append_printf(
                out, "%d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n",
                pci_int(r, "mem_type_64") ? 64 : 32,
                pci_int(r, "prefetch") ? " prefetchable" : "", addr,
                addr + size - 1);
        }
    }
}

static void pci_window(json_object *bus, const char *key, const char *name,
                       GString *out)
{
    json_object *r = json_object_object_get(bus, key);

    g_string_append_printf(
        out, "      %s range [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n", name,
        (uint64_t)pci_int(r, "base"), (uint64_t)pci_int(r, "limit"));
}

static void pci_functions(json_object *list, GString *out);

static void pci_behind(json_object *bridge, GString *out)
{
    json_object *bus = json_object_object_get(bridge, "bus");

    g_string_append_printf(out,
                           "      BUS %d.\n      secondary bus %d.\n"
                           "      subordinate bus %d.\n",
                           (int)pci_int(bus, "number"),
                           (int)pci_int(bus, "secondary"),
                           (int)pci_int(bus, "subordinate"));
    pci_window(bus, "io_range", "IO", out);
    pci_window(bus, "memory_range", "memory", out);
    pci_window(bus, "prefetchable_range", "prefetchable memory", out);
}

static void pci_function(json_object *d, GString *out)
{
    json_object *class = json_object_object_get(d, "class_info");
    json_object *id = json_object_object_get(d, "id");
    json_object *bridge = json_object_object_get(d, "pci_bridge");
    const char *desc = json_get_text(class, "desc");

    g_string_append_printf(out, "  Bus %2d, device %3d, function %d:\n    ",
                           (int)pci_int(d, "bus"), (int)pci_int(d, "slot"),
                           (int)pci_int(d, "function"));
    if (desc) {
        g_string_append(out, desc);
    } else {
        g_string_append_printf(out, "Class %04d", (int)pci_int(class, "class"));
    }
    g_string_append_printf(out, ": PCI device %04x:%04x\n",
                           (unsigned)pci_int(id, "vendor"),
                           (unsigned)pci_int(id, "device"));
    if (json_object_object_get(id, "subsystem")) {
        g_string_append_printf(out, "      PCI subsystem %04x:%04x\n",
                               (unsigned)pci_int(id, "subsystem-vendor"),
                               (unsigned)pci_int(id, "subsystem"));
    }
    if (json_object_object_get(d, "irq")) {
        g_string_append_printf(out, "      IRQ %d, pin %c\n",
                               (int)pci_int(d, "irq"),
                               (int)('A' + pci_int(d, "irq_pin") - 1));
    }
    if (bridge) {
        pci_behind(bridge, out);
    }
    pci_regions(json_object_object_get(d, "regions"), out);
    g_string_append_printf(out, "      id \"%s\"\n",
                           json_get_text(d, "qdev_id"));
    if (bridge) {
        pci_functions(json_object_object_get(bridge, "devices"), out);
    }
}

static void pci_functions(json_object *list, GString *out)
{
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        pci_function(json_object_array_get_idx(list, i), out);
    }
}

static void info_pci(Machine *m, int argc, char **argv, GString *out,
                     Error **errp)
{
    json_object *list = qmp_execute(m, "query-pci", NULL, errp);

    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        pci_functions(json_object_object_get(json_object_array_get_idx(list, i),
                                             "devices"),
                      out);
    }
    json_object_put(list);
}

/* clang-format off */
static const HmpCommand hmp_info[] = {
    { "balloon", "", "what the memory balloon leaves to the guest", info_balloon },
    { "block", "[DRIVE]", "the disks", hmp_info_block },
    { "block-jobs", "", "jobs on disks", hmp_info_block_jobs },
    { "blockstats", "", "what the disks have done", hmp_info_blockstats },
    { "chardev", "", "the character devices", info_chardev },
    { "mtree", "[-f]", "the memory map; -f as CPUs see it", info_mtree },
    { "name", "", "the name of the machine", info_name },
    { "network", "", "NICs and network back ends", info_network },
    { "pci", "", "the PCI functions", info_pci },
    { "qom-tree", "", "the object tree", info_qom_tree },
    { "qtree", "", "devices and buses", info_qtree },
    { "status", "", "the run state", info_status },
    { "usernet", "", "connections of the user-mode network", info_usernet },
    { "version", "", "the version", info_version },
    { 0 },
};

const HmpCommand *const hmp_info_tables[] = { hmp_info, hmp_info_more, NULL };

static void hmp_run_info(Machine *m, int argc, char **argv, GString *out,
                         Error **errp)
{
    const HmpCommand *c;

    if (argc == 0) {
        help_tables(hmp_info_tables, "info ", out);
        return;
    }
    c = find_info(argv[0]);
    if (!c) {
        error_set(errp, "unknown command: 'info %s'", argv[0]);
        return;
    }
    c->run(m, argc - 1, argv + 1, out, errp);
}

const HmpCommand hmp_commands[] = {
    { "announce_self", "[NIC[,NIC]... [ID]]", "have NICs announce themselves to the network", hmp_announce_self },
    { "balloon", "MEGABYTES", "ask the guest to make do with that much memory", hmp_balloon },
    { "block_job_cancel", "JOB", "end a job on a disk", hmp_block_job_cancel },
    { "block_job_complete", "JOB", "have a job that is ready take effect", hmp_block_job_complete },
    { "block_job_pause", "JOB", "have a job stand still", hmp_block_job_pause },
    { "block_job_resume", "JOB", "let a paused job go on", hmp_block_job_resume },
    { "block_job_set_speed", "JOB BYTES", "limit a job's bytes a second", hmp_block_job_set_speed },
    { "block_set_io_throttle", "DRIVE BPS BPS_RD BPS_WR IOPS IOPS_RD IOPS_WR", "limit a disk's bytes and requests a second", hmp_block_set_io_throttle },
    { "block_resize", "DRIVE SIZE", "change a disk's size, in MiB or with a suffix", hmp_block_resize },
    { "block_stream", "DRIVE", "fill a disk's temporary layer from below", hmp_block_stream },
    { "commit", "DRIVE|all", "write the temporary layer into the image", hmp_commit },
    { "cont|c", "", "let the virtual CPUs go on", hmp_cont },
    { "device_add", "TYPE[,prop=value]...", "add a device", hmp_device_add },
    { "device_del", "ID", "remove a device", hmp_device_del },
    { "drive_del", "ID", "take a drive away, from its device too", hmp_drive_del },
    { "drive_add", "0 if=none,OPTIONS", "add a drive for a device to come", hmp_drive_add },
    { "drive_backup", "[-f] [-n] DRIVE FILE", "copy a disk as it is; -f all of it, -n to a file that is there", hmp_drive_backup },
    { "drive_mirror", "[-f] [-n] DRIVE FILE", "move a disk to a file; -f all of it, -n to a file that is there", hmp_drive_mirror },
    { "help|?", "[COMMAND]", "what there is", hmp_help, complete_commands },
    { "info", "[SUBJECT]", "show the state of something", hmp_run_info, complete_info },
    { "object_add", "TYPE,id=ID[,prop=value]...", "create an object", hmp_object_add },
    { "object_del", "ID", "delete an object", hmp_object_del },
    { "qom-get", "PATH PROPERTY", "the value of a property", hmp_qom_get },
    { "qom-list", "[PATH]", "properties and children of an object", hmp_qom_list },
    { "hostfwd_add", "[NETDEV] [tcp|udp]:[HOSTADDR]:PORT-[GUESTADDR]:PORT", "forward a host port to the guest", hmp_hostfwd_add },
    { "hostfwd_remove", "[NETDEV] [tcp|udp]:[HOSTADDR]:PORT", "end such a forwarding", hmp_hostfwd_remove },
    { "netdev_add", "TYPE,id=ID[,prop=value]...", "add a network back end", hmp_netdev_add },
    { "netdev_del", "ID", "remove a network back end", hmp_netdev_del },
    { "set_link", "NAME on|off", "set a link up or down", hmp_set_link },
    { "qom-set", "PATH PROPERTY VALUE", "set a property", hmp_qom_set },
    { "quit|q", "", "end the emulator", hmp_quit },
    { "stop|s", "", "stop the virtual CPUs", hmp_stop },
    { "system_powerdown", "", "press the power button", hmp_system_powerdown },
    { "system_reset", "", "press the reset button", hmp_system_reset },
    { "chardev-add", "TYPE,id=ID[,prop=value]...", "add a character device", hmp_chardev_add },
    { "chardev-change", "ID TYPE[,prop=value]...", "give a character device another back end", hmp_chardev_change },
    { "chardev-remove", "ID", "remove a character device", hmp_chardev_remove },
    { "chardev-send-break", "ID", "send a line break to a character device", hmp_chardev_send_break },
    { "cpu", "INDEX", "choose the CPU of later commands", hmp_cpu_select },
    { "dump-guest-memory", "[-p] [-d] [-z|-l|-s|-w] [-R] FILE [BEGIN LENGTH]", "write guest memory as a core; -p: virtual addresses, -d: do not wait", hmp_dump_guest_memory },
    { "gpa2hpa", "ADDR", "the host's physical address of a guest physical one", hmp_gpa2hpa, NULL, true },
    { "gpa2hva", "ADDR", "the host's virtual address of a guest physical one", hmp_gpa2hva, NULL, true },
    { "gva2gpa", "ADDR", "the guest physical address of a virtual one", hmp_gva2gpa, NULL, true },
    { "i", "/FMT PORT", "read an I/O port", hmp_port_in, NULL, true },
    { "log", "ITEM[,ITEM]...", "what to log, as -d; none: nothing", hmp_log },
    { "logfile", "FILE", "log to that file", hmp_logfile },
    { "memsave", "ADDR SIZE FILE", "write virtual memory to a file", hmp_memsave, NULL, true },
    { "migrate", "[-d] URI", "migrate to, or save in, a place; -d: do not wait for its end", hmp_migrate },
    { "migrate_cancel", "", "end the migration", hmp_migrate_cancel },
    { "migrate_continue", "STATE", "go on after a pause in that state", hmp_migrate_continue },
    { "migrate_incoming", "URI", "with -incoming defer: where to load from", hmp_migrate_incoming },
    { "migrate_pause", "", "pause a postcopy migration", hmp_migrate_pause },
    { "migrate_recover", "URI", "go on with a paused postcopy migration", hmp_migrate_recover },
    { "migrate_set_capability", "CAPABILITY on|off", "switch a capability of migration", hmp_migrate_set_capability },
    { "migrate_set_parameter", "PARAMETER VALUE", "set a parameter of migration; sizes in MiB or with a suffix", hmp_migrate_set_parameter },
    { "nmi", "", "send a non-maskable interrupt to the guest", hmp_nmi },
    { "o", "/FMT PORT VALUE", "write an I/O port", hmp_port_out, NULL, true },
    { "pmemsave", "ADDR SIZE FILE", "write physical memory to a file", hmp_pmemsave, NULL, true },
    { "print|p", "/FMT EXPR", "the value of an expression; $NAME is a register of the CPU", hmp_print, NULL, true },
    { "ringbuf_read", "ID SIZE", "take bytes out of a ring buffer", hmp_ringbuf_read },
    { "ringbuf_write", "ID DATA", "put bytes into a ring buffer", hmp_ringbuf_write },
    { "sum", "ADDR SIZE", "the checksum of physical memory", hmp_sum, NULL, true },
    { "system_wakeup", "", "wake the guest from suspend", hmp_system_wakeup },
    { "trace-event", "NAME on|off", "log trace events that match, or do not", hmp_trace_event },
    { "watchdog_action", "ACTION", "what a watchdog does", hmp_watchdog_action },
    { "x", "/FMT ADDR", "show virtual memory; FMT: count, d u o x c i s, b h w g", hmp_x, NULL, true },
    { "xp", "/FMT ADDR", "show physical memory", hmp_xp, NULL, true },
    { 0 },
};
/* clang-format on */
