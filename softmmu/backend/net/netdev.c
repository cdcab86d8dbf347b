/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The base of all back ends: making them from options, finding, removing. */
#include "tandem/base.h"

#include "internal.h"
#include "softmmu/base/keyval.h"
#include "softmmu/machine/create.h"

const NetdevType *netdev_type_of(const Netdev *nd)
{
    return (const NetdevType *)nd->parent.type;
}

/* --- packets --- */

bool netdev_passed(Netdev *nd, NetDirection dir, unsigned queue,
                   const uint8_t *data, size_t len)
{
    if (nd->link_down) {
        return true; /* dropped */
    }
    return dir == NET_TO_NETDEV ? netdev_type_of(nd)->send(nd, queue, data, len)
                                : net_port_send(&nd->port[queue], data, len);
}

static bool netdev_take(NetPort *port, const uint8_t *data, size_t len)
{
    return net_filters_pass(port->owner, NULL, NET_TO_NETDEV, port->index, data,
                            len);
}

static void netdev_drained(NetPort *port)
{
    Netdev *nd = port->owner;

    if (netdev_type_of(nd)->receivable) {
        netdev_type_of(nd)->receivable(nd, port->index);
    }
}

static const NetPortOps netdev_port_ops = {
    .take = netdev_take,
    .drained = netdev_drained,
};

bool netdev_receive(Netdev *nd, unsigned queue, const uint8_t *data, size_t len)
{
    return net_filters_pass(nd, NULL, NET_FROM_NETDEV, queue, data, len);
}

bool netdev_may_receive(const Netdev *nd, unsigned queue)
{
    return net_port_may_send(&nd->port[queue]);
}

void netdev_writable(Netdev *nd, unsigned queue)
{
    net_port_flush(&nd->port[queue]);
}

/* --- making --- */

static const NetdevType *find_driver(Machine *m, const char *driver,
                                     Error **errp)
{
    g_autoptr(GPtrArray) types = type_list(m->view, &netdev_type, false);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < types->len; i++) {
        const NetdevType *t = g_ptr_array_index(types, i);

        if (strcmp(t->driver, driver) == 0) {
            return t;
        }
        g_ptr_array_add(names, (void *)t->driver);
    }
    g_ptr_array_add(names, NULL);
    error_set(errp, "Parameter 'type' does not accept value '%s'", driver);
    error_suggest(errp, driver, (const char *const *)names->pdata);
    return NULL;
}

static bool netdev_open(Netdev *nd, Error **errp)
{
    nd->queues = 1;
    if (!netdev_type_of(nd)->open(nd, errp)) {
        nd->queues = 0;
        return false;
    }
    return true;
}

/* Ports exist from the start: open() may connect or receive at once. */
static void make_ports(Netdev *nd)
{
    nd->port = g_new0(NetPort, NET_QUEUES_MAX);
    for (unsigned i = 0; i < NET_QUEUES_MAX; i++) {
        net_port_init(&nd->port[i], &netdev_port_ops, nd, i);
    }
}

static Netdev *new_with_id(Machine *m, const char *id, const char *driver,
                           json_object *options, Error **errp)
{
    static const char *const skip[] = { "type", "id", NULL };
    const NetdevType *type = find_driver(m, driver, errp);
    NetCore *core = net_core(m);
    Netdev *nd;

    if (!type) {
        return NULL;
    }
    if (netdev_find(m, id)) {
        error_set(errp, "Duplicate ID '%s' for netdev", id);
        return NULL;
    }
    nd = (Netdev *)object_new(type);
    nd->m = m;
    make_ports(nd);
    if (!object_add_child(core, id, nd, errp)) {
        object_unref(nd);
        return NULL;
    }
    object_unref(nd); /* the tree's reference keeps it */
    if (!object_set_all(nd, options, skip, errp) || !netdev_open(nd, errp)) {
        object_unparent(nd);
        return NULL;
    }
    nd->opened = true;
    object_seal(nd, true);
    return nd;
}

Netdev *netdev_new_inner(Machine *m, const char *driver, json_object *options,
                         Error **errp)
{
    const NetdevType *type = find_driver(m, driver, errp);
    Netdev *nd;

    if (!type) {
        return NULL;
    }
    nd = (Netdev *)object_new(type);
    nd->m = m;
    make_ports(nd);
    if (!object_set_all(nd, options, NULL, errp) || !netdev_open(nd, errp)) {
        object_unref(nd);
        return NULL;
    }
    nd->opened = true;
    return nd;
}

Netdev *netdev_new(Machine *m, json_object *options, Error **errp)
{
    const char *driver = json_get_text(options, "type");
    const char *id = json_get_text(options, "id");

    if (!driver || !id) {
        error_set(errp, "Parameter '%s' is missing", driver ? "id" : "type");
        return NULL;
    }
    if (!id_valid(id)) {
        error_set(errp, "Parameter 'id' expects an identifier");
        return NULL;
    }
    return new_with_id(m, id, driver, options, errp);
}

/* Options that may be given several times: each becomes a list's member. */
static char *number_lists(const char *text)
{
    static const char *const lists[] = { "hostfwd", "guestfwd", "dnssearch" };
    unsigned count[ARRAY_SIZE(lists)] = { 0 };
    g_autoptr(GString) out = g_string_new(NULL);

    while (*text) {
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
            size_t k = strlen(lists[i]);

            if (strncmp(text, lists[i], k) == 0 && text[k] == '=') {
                g_string_append_printf(out, "%s.%u.str", lists[i], count[i]++);
                text += k;
                break;
            }
        }
        while (text[n] && (text[n] != ',' || text[n + 1] == ',')) {
            n += text[n] == ',' ? 2 : 1;
        }
        n += text[n] == ',';
        g_string_append_len(out, text, n);
        text += n;
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

json_object *netdev_parse_text(const char *text, Error **errp)
{
    g_autofree char *numbered = text[0] == '{' ? NULL : number_lists(text);

    return keyval_parse(numbered ? numbered : text, "type", errp);
}

Netdev *netdev_from_text(Machine *m, const char *text, Error **errp)
{
    json_object *options = netdev_parse_text(text, errp);
    Netdev *nd = options ? netdev_new(m, options, errp) : NULL;

    json_object_put(options);
    return nd;
}

char *netdev_free_id(Machine *m, const char *prefix)
{
    NetCore *core = net_core(m);
    char *id = NULL;

    do {
        g_free(id);
        id = g_strdup_printf("%s%u", prefix, core->next_anon++);
    } while (netdev_find(m, id));
    return id;
}

Netdev *netdev_find(Machine *m, const char *id)
{
    return object_try_cast(object_child(net_core(m), id), &netdev_type);
}

const char *netdev_id(const Netdev *nd)
{
    return nd->parent.name ? nd->parent.name : "";
}

const char *netdev_driver(const Netdev *nd)
{
    return netdev_type_of(nd)->driver;
}

bool netdev_connected(const Netdev *nd)
{
    return nd->queues > 0 && nd->port[0].peer != NULL;
}

const VmState *netdev_vmstate(const Netdev *nd)
{
    return netdev_type_of(nd)->vmstate;
}

char *netdev_info(Netdev *nd)
{
    return netdev_type_of(nd)->info ? netdev_type_of(nd)->info(nd)
                                    : g_strdup("");
}

bool netdev_remove(Machine *m, const char *id, Error **errp)
{
    Netdev *nd = netdev_find(m, id);

    if (!nd) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                        id);
        return false;
    }
    if (netdev_connected(nd) || atomic_load(&nd->parent.refs) > 1) {
        error_set(errp, "Netdev '%s' is in use", id);
        return false;
    }
    object_unparent(nd);
    return true;
}

void net_each_netdev(Machine *m, void (*fn)(Netdev *nd, void *opaque),
                     void *opaque)
{
    Object *core = object_child(m->root, "netdevs");
    GPtrArray *all = core ? core->children : NULL;

    for (guint i = 0; all && i < all->len; i++) {
        fn(g_ptr_array_index(all, i), opaque);
    }
}

/* --- properties of list and object type --- */

static const char *member_text(json_object *value)
{
    json_object *str = NULL;

    if (json_object_is_type(value, json_type_object)) {
        json_object_object_get_ex(value, "str", &str);
        value = str;
    }
    return json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : NULL;
}

static bool strings_set(Object *obj, const Property *prop, json_object *value,
                        Error **errp)
{
    char ***field = (void *)((char *)obj + prop->offset);
    bool list = json_object_is_type(value, json_type_array);
    size_t n = list ? json_object_array_length(value) : 1;
    g_autoptr(GPtrArray) out = g_ptr_array_new_with_free_func(g_free);

    for (size_t i = 0; i < n; i++) {
        const char *text =
            member_text(list ? json_object_array_get_idx(value, i) : value);

        if (!text) {
            error_set(errp, "Invalid parameter type for '%s', expected: list",
                      prop->name);
            return false;
        }
        g_ptr_array_add(out, g_strdup(text));
    }
    g_ptr_array_add(out, NULL);
    g_strfreev(*field);
    g_ptr_array_set_free_func(out, NULL);
    *field = g_memdup2(out->pdata, out->len * sizeof(char *));
    return true;
}

static json_object *strings_get(Object *obj, const Property *prop)
{
    char **list = *(char ***)((char *)obj + prop->offset);
    json_object *out = json_object_new_array();

    for (; list && *list; list++) {
        json_object *member = json_object_new_object();

        json_object_object_add(member, "str", json_object_new_string(*list));
        json_object_array_add(out, member);
    }
    return out;
}

static void strings_release(Object *obj, const Property *prop)
{
    g_strfreev(*(char ***)((char *)obj + prop->offset));
}

const PropertyType prop_type_net_strings = {
    .name = "list<str>",
    .schema = "any",
    .set = strings_set,
    .get = strings_get,
    .release = strings_release,
};

static bool json_set(Object *obj, const Property *prop, json_object *value,
                     Error **errp)
{
    json_object **field = (void *)((char *)obj + prop->offset);

    if (!json_object_is_type(value, json_type_object)) {
        error_set(errp, "Invalid parameter type for '%s', expected: object",
                  prop->name);
        return false;
    }
    json_object_put(*field);
    *field = json_object_get(value);
    return true;
}

static json_object *json_get(Object *obj, const Property *prop)
{
    return json_object_get(*(json_object **)((char *)obj + prop->offset));
}

static void json_release(Object *obj, const Property *prop)
{
    json_object_put(*(json_object **)((char *)obj + prop->offset));
}

const PropertyType prop_type_net_json = {
    .name = "SocketAddress",
    .schema = "any",
    .set = json_set,
    .get = json_get,
    .release = json_release,
};

/* --- the type --- */

static void netdev_finalize(Object *obj)
{
    Netdev *nd = (Netdev *)obj;

    if (nd->m && netdev_type_of(nd)->close) {
        netdev_type_of(nd)->close(nd); /* after a failed open too */
    }
    for (unsigned i = 0; nd->port && i < NET_QUEUES_MAX; i++) {
        net_port_disconnect(&nd->port[i]);
    }
    g_free(nd->port);
    g_clear_pointer(&nd->filters, g_ptr_array_unref);
}

const NetdevType netdev_type = {
    .name = "netdev",
    .parent = &object_type,
    .size = sizeof(Netdev),
    .abstract = true,
    .finalize = netdev_finalize,
};
