/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory-backend-ram, memory-backend-memfd, memory-backend-file.
 *
 * Names, defaults and messages follow the public QMP reference
 * (MemoryBackendProperties) and mbind(2) for NUMA policies.
 */
#include "tandem/base.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "softmmu/backend/socket.h"
#include "softmmu/machine/machine.h"
#include "softmmu/memory/backend.h"

#ifndef MADV_REMOVE
#define MADV_REMOVE 9
#endif

/* --- properties --- */

static MemoryBackend *backend_of(Object *obj)
{
    return (MemoryBackend *)obj;
}

/* A size that cannot be 0. */
static bool set_ram_size(Object *obj, const Property *prop, json_object *value,
                         Error **errp)
{
    uint64_t *size = (uint64_t *)((char *)obj + prop->offset);
    uint64_t old = *size;

    if (!prop_type_size.set(obj, prop, value, errp)) {
        return false;
    }
    if (*size == 0) {
        *size = old;
        error_set(errp, "property '%s' of %s doesn't take value '0'",
                  prop->name, obj->type->name);
        return false;
    }
    return true;
}

static json_object *get_ram_size(Object *obj, const Property *prop)
{
    return prop_type_size.get(obj, prop);
}

static const PropertyType prop_type_ram_size = { "int", "int", set_ram_size,
                                                 get_ram_size };

static bool set_threads(Object *obj, const Property *prop, json_object *value,
                        Error **errp)
{
    enum { MAX_THREADS = 1024 };
    MemoryBackend *mb = backend_of(obj);
    uint32_t old = mb->prealloc_threads;

    if (!prop_type_u32.set(obj, prop, value, errp)) {
        return false;
    }
    if (mb->prealloc_threads == 0 || mb->prealloc_threads > MAX_THREADS) {
        error_set(errp, "property '%s' of %s doesn't take value '%u'",
                  prop->name, obj->type->name, mb->prealloc_threads);
        mb->prealloc_threads = old;
        return false;
    }
    return true;
}

static json_object *get_threads(Object *obj, const Property *prop)
{
    return prop_type_u32.get(obj, prop);
}

static const PropertyType prop_type_threads = { "int", "int", set_threads,
                                                get_threads };

/* merge and dump may change while the guest runs. */
static bool set_advice(Object *obj, const Property *prop, json_object *value,
                       Error **errp)
{
    MemoryBackend *mb = backend_of(obj);
    RamBlock *ram = mb->block;

    if (!prop_type_bool.set(obj, prop, value, errp)) {
        return false;
    }
    if (ram) {
        madvise(ram->host, ram->size,
                mb->config.merge ? MADV_MERGEABLE : MADV_UNMERGEABLE);
        madvise(ram->host, ram->size,
                mb->config.dump ? MADV_DODUMP : MADV_DONTDUMP);
    }
    return true;
}

static json_object *get_advice(Object *obj, const Property *prop)
{
    return prop_type_bool.get(obj, prop);
}

static const PropertyType prop_type_advice = { "bool", "bool", set_advice,
                                               get_advice };

/* Add nodes "N" or "N-M" to the mask. */
static bool add_nodes(uint64_t *mask, const char *text)
{
    g_auto(GStrv) ends = g_strsplit(text, "-", 2);
    guint64 lo, hi;

    if (!g_ascii_string_to_unsigned(ends[0], 10, 0, MEMORY_HOST_NODES - 1, &lo,
                                    NULL)) {
        return false;
    }
    hi = lo;
    if (ends[1] && !g_ascii_string_to_unsigned(
                       ends[1], 10, lo, MEMORY_HOST_NODES - 1, &hi, NULL)) {
        return false;
    }
    for (; lo <= hi; lo++) {
        mask[lo / 64] |= BIT(lo % 64);
    }
    return true;
}

/* An array of numbers, or text: "0-1". */
static bool set_nodes(Object *obj, const Property *prop, json_object *value,
                      Error **errp)
{
    MemoryBackend *mb = backend_of(obj);
    uint64_t mask[ARRAY_SIZE(mb->host_nodes)] = { 0 };
    bool ok = true;

    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value) && ok; i++) {
            ok = add_nodes(mask, json_object_get_string(
                                     json_object_array_get_idx(value, i)));
        }
    } else {
        ok = value && add_nodes(mask, json_object_get_string(value));
    }
    if (!ok) {
        error_set(errp,
                  "Parameter '%s' expects a list of node numbers below %d",
                  prop->name, MEMORY_HOST_NODES);
        return false;
    }
    memcpy(mb->host_nodes, mask, sizeof(mask));
    return true;
}

static json_object *get_nodes(Object *obj, const Property *prop)
{
    MemoryBackend *mb = backend_of(obj);
    json_object *list = json_object_new_array();

    for (int n = 0; n < MEMORY_HOST_NODES; n++) {
        if (mb->host_nodes[n / 64] & BIT(n % 64)) {
            json_object_array_add(list, json_object_new_int(n));
        }
    }
    return list;
}

static const PropertyType prop_type_nodes = { "int", "[int]", set_nodes,
                                              get_nodes };

static const PropertyEnum policies[] = {
    { "default", MPOL_DEFAULT },
    { "preferred", MPOL_PREFERRED },
    { "bind", MPOL_BIND },
    { "interleave", MPOL_INTERLEAVE },
    { 0 },
};

/* --- making the memory --- */

static bool nodes_empty(const MemoryBackend *mb)
{
    for (size_t i = 0; i < ARRAY_SIZE(mb->host_nodes); i++) {
        if (mb->host_nodes[i]) {
            return false;
        }
    }
    return true;
}

static bool check_policy(const MemoryBackend *mb, Error **errp)
{
    if (mb->policy == MPOL_DEFAULT && !nodes_empty(mb)) {
        error_set(errp, "host-nodes must be empty for policy default, or you "
                        "should explicitly specify a policy other than "
                        "default");
        return false;
    }
    if (mb->policy != MPOL_DEFAULT && nodes_empty(mb)) {
        error_set(errp, "host-nodes must be set for policy %s",
                  policies[mb->policy].name);
        return false;
    }
    return true;
}

/* Before a page exists, so that none has to move. */
static bool bind_nodes(MemoryBackend *mb, Error **errp)
{
    RamBlock *ram = mb->block;

    if (mb->policy == MPOL_DEFAULT) {
        return true;
    }
    /* the kernel counts one bit less than it is told */
    if (syscall(SYS_mbind, ram->host, ram->size, mb->policy, mb->host_nodes,
                MEMORY_HOST_NODES + 1, MPOL_MF_STRICT | MPOL_MF_MOVE) != 0) {
        error_set_errno(errp, errno, "cannot bind memory to host NUMA nodes");
        return false;
    }
    return true;
}

static void backend_drop(MemoryBackend *mb)
{
    if (mb->block == NULL) {
        return;
    }
    if (mb->discard_data) { /* the file's contents are of no use to anybody */
        madvise(mb->block->host, mb->block->size, MADV_REMOVE);
    }
    memory_region_destroy(&mb->mr);
    ram_block_free(NULL, mb->block);
    mb->block = NULL;
}

/* The common end of all kinds: mb->config says what to map. */
static bool backend_make(MemoryBackend *mb, Error **errp)
{
    Machine *m = object_machine(mb);
    g_autofree char *path = object_path(mb);

    mb->block = ram_block_new(m->ms, path, &mb->config, errp);
    if (mb->block == NULL) {
        if (mb->config.have_fd) {
            close(mb->config.fd);
        }
        return false;
    }
    memory_region_init_ram(&mb->mr, mb, mb->parent.name, mb->block);
    memory_region_set_size(&mb->mr, mb->config.size);
    if (!bind_nodes(mb, errp) ||
        (mb->prealloc &&
         !ram_block_preallocate(mb->block, mb->prealloc_threads, errp))) {
        mb->discard_data = false; /* it never was ours */
        backend_drop(mb);
        return false;
    }
    return true;
}

static bool backend_check(MemoryBackend *mb, Error **errp)
{
    if (mb->config.size == 0) {
        error_set(errp, "Parameter 'size' is missing");
        return false;
    }
    mb->config.no_reserve = !mb->reserve;
    mb->config.huge_pages = mb->prealloc;
    return check_policy(mb, errp);
}

/* What nobody else maps is private memory: shared memory has no huge pages on
 * most hosts (shmem_enabled is "never" unless set), and this has. */
static bool ram_complete(Object *obj, Error **errp)
{
    MemoryBackend *mb = backend_of(obj);

    mb->config.anonymous = !mb->config.shared;
    return backend_check(mb, errp) && backend_make(mb, errp);
}

static bool memfd_complete(Object *obj, Error **errp)
{
    MemoryBackend *mb = backend_of(obj);

    if (!backend_check(mb, errp)) {
        return false;
    }
    if (mb->config.page_size && !is_power_of_2(mb->config.page_size)) {
        error_set(errp, "Hugepage size must be a power of 2");
        return false;
    }
    mb->config.seal = mb->seal;
    return backend_make(mb, errp);
}

/* --- files --- */

/* A file without a name in folder @dir: it goes when we do. */
static int open_unnamed(const char *dir, const char *id, Error **errp)
{
    g_autofree char *name = g_strdup_printf("%s/tandem-%s-XXXXXX", dir, id);
    int fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0) {
        error_set_errno(errp, errno,
                        "can't open backing store %s for guest RAM", dir);
    } else {
        unlink(name);
    }
    return fd;
}

static int open_store(MemoryBackend *mb, bool *made, Error **errp)
{
    const char *path = mb->mem_path;
    int flags = mb->config.readonly ? O_RDONLY : O_RDWR;
    Machine *m = object_machine(mb);
    int fd = path_open(m, path, flags, 0);

    *made = false;
    if (fd < 0 && errno == EISDIR) {
        return open_unnamed(path, mb->parent.name, errp);
    }
    if (fd < 0 && errno == ENOENT && !mb->config.readonly) {
        fd = path_open(m, path, flags | O_CREAT | O_EXCL, 0644);
        *made = fd >= 0;
    }
    if (fd < 0) {
        error_set_errno(errp, errno,
                        "can't open backing store %s for guest RAM", path);
    }
    return fd;
}

/* An empty file grows to what is asked for; another must be long enough. */
static bool size_store(MemoryBackend *mb, int fd, Error **errp)
{
    uint64_t need = mb->config.size + mb->config.fd_offset;
    struct stat st;

    if (fstat(fd, &st) != 0) {
        error_set_errno(errp, errno, "cannot examine %s", mb->mem_path);
        return false;
    }
    if (need < mb->config.size || need > INT64_MAX) {
        error_set(errp, "size and offset of '%s' are too large",
                  mb->parent.name);
        return false;
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size >= need) {
        return true;
    }
    if (st.st_size > 0 || mb->config.readonly) {
        error_set(errp,
                  "%s backing store size 0x%" PRIx64
                  " is too small for 'size' option 0x%" PRIx64
                  " plus 'offset' option 0x%" PRIx64,
                  mb->parent.name, (uint64_t)st.st_size, mb->config.size,
                  mb->config.fd_offset);
        return false;
    }
    if (ftruncate(fd, need) != 0) {
        error_set_errno(errp, errno, "cannot resize %s to %" PRIu64 " bytes",
                        mb->mem_path, need);
        return false;
    }
    return true;
}

/* A map is whole pages; the file need not be. */
static uint64_t store_page(const MemoryBackend *mb)
{
    return sysconf(_SC_PAGESIZE);
}

static bool check_alignment(MemoryBackend *mb, Error **errp)
{
    uint64_t align = mb->config.align;

    if (align == 0) {
        return true;
    }
    if (align % store_page(mb) != 0) {
        error_set(errp,
                  "alignment 0x%" PRIx64
                  " must be multiples of page size 0x%" PRIx64,
                  align, store_page(mb));
        return false;
    }
    if (!is_power_of_2(align)) {
        error_set(errp, "alignment 0x%" PRIx64 " must be a power of two",
                  align);
        return false;
    }
    return true;
}

static bool file_complete(Object *obj, Error **errp)
{
    MemoryBackend *mb = backend_of(obj);
    bool made;
    int fd;

    if (mb->mem_path == NULL || mb->mem_path[0] == '\0') {
        error_set(errp, "Parameter 'mem-path' is missing");
        return false;
    }
    if (!backend_check(mb, errp) || !check_alignment(mb, errp)) {
        return false;
    }
    fd = open_store(mb, &made, errp);
    if (fd < 0) {
        return false;
    }
    mb->config.fd = fd;
    mb->config.have_fd = true;
    if (!size_store(mb, fd, errp)) {
        close(fd);
    } else if (backend_make(mb, errp)) { /* owns fd from here on */
        return true;
    }
    if (made) {
        unlink(mb->mem_path);
    }
    return false;
}

/* --- use --- */

static bool backend_can_delete(Object *obj, Error **errp)
{
    if (backend_of(obj)->claimed) {
        error_set(errp, "object '%s' is in use, can not be deleted", obj->name);
        return false;
    }
    return true;
}

static void backend_finalize(Object *obj)
{
    backend_drop(backend_of(obj));
}

bool memory_backend_new_default(Machine *m, const char *id, uint64_t size,
                                Error **errp)
{
    g_autoptr(Object) obj = object_new(&memory_backend_ram_type);

    if (!object_add_child(m->objects, id, obj, errp)) {
        return false;
    }
    backend_of(obj)->config.size = size;
    if (!ram_complete(obj, errp)) {
        object_unparent(obj);
        return false;
    }
    object_seal(obj, true);
    return true;
}

static MemoryBackend *backend_find(Machine *m, const char *id, Error **errp)
{
    Object *obj = object_child(m->objects, id);

    if (obj == NULL || !type_is_a(obj->type, &memory_backend_type)) {
        error_set(errp, "Memory backend '%s' not found", id);
        return NULL;
    }
    return backend_of(obj);
}

uint64_t memory_backend_size(Machine *m, const char *id, Error **errp)
{
    MemoryBackend *mb = backend_find(m, id, errp);

    return mb ? mb->config.size : 0;
}

MemoryRegion *memory_backend_claim(Machine *m, const char *id, uint64_t size,
                                   Error **errp)
{
    MemoryBackend *mb = backend_find(m, id, errp);

    if (mb == NULL) {
        return NULL;
    }
    if (mb->claimed) {
        error_set(errp, "memory backend %s can't be used multiple times", id);
        return NULL;
    }
    if (mb->config.size != size) {
        error_set(errp, "Machine memory size does not match the size of the "
                        "memory backend");
        return NULL;
    }
    mb->claimed = true;
    return &mb->mr;
}

void memory_backend_release(MemoryRegion *mr)
{
    container_of(mr, MemoryBackend, mr)->claimed = false;
}

/* --- types --- */

#define COMMON_PROPS(share_default)                                            \
    PROP(ram_size, MemoryBackend, config.size, "size", NULL,                   \
         "bytes, such as 512M"),                                               \
        PROP(bool, MemoryBackend, config.shared, "share", share_default,       \
             "may other processes map it, as vhost-user needs?"),              \
        PROP(bool, MemoryBackend, prealloc, "prealloc", "off",                 \
             "allocate all pages at the start"),                               \
        PROP(threads, MemoryBackend, prealloc_threads, "prealloc-threads",     \
             "1", "threads that do so"),                                       \
        PROP(bool, MemoryBackend, reserve, "reserve", "on",                    \
             "set swap space or huge pages aside"),                            \
        PROP_ARG(enum, MemoryBackend, policy, "policy", "default",             \
                 "NUMA policy", policies),                                     \
        PROP(nodes, MemoryBackend, host_nodes, "host-nodes", NULL,             \
             "host NUMA nodes for the policy"),                                \
        { "merge",                                                             \
          &prop_type_advice,                                                   \
          offsetof(MemoryBackend, config.merge),                               \
          "on",                                                                \
          "let the kernel share equal pages",                                  \
          NULL,                                                                \
          PROP_LIVE },                                                         \
    {                                                                          \
        "dump", &prop_type_advice, offsetof(MemoryBackend, config.dump), "on", \
            "keep it in core dumps", NULL, PROP_LIVE                           \
    }

static const Property ram_props[] = { COMMON_PROPS("off"), { 0 } };

static const Property memfd_props[] = {
    COMMON_PROPS("on"),
    PROP(bool, MemoryBackend, config.hugetlb, "hugetlb", "off",
         "use huge pages"),
    PROP(size, MemoryBackend, config.page_size, "hugetlbsize", NULL,
         "their size, such as 2M"),
    PROP(bool, MemoryBackend, seal, "seal", "on",
         "nobody may change the memfd's size"),
    { 0 },
};

static const Property file_props[] = {
    COMMON_PROPS("off"),
    PROP(str, MemoryBackend, mem_path, "mem-path", NULL,
         "a file, or a folder for a file without a name"),
    PROP(size, MemoryBackend, config.fd_offset, "offset", NULL,
         "where in the file it begins"),
    PROP(size, MemoryBackend, config.align, "align", NULL,
         "alignment in host memory"),
    PROP(bool, MemoryBackend, config.readonly, "readonly", "off",
         "open the file for reading and give the guest ROM"),
    PROP(bool, MemoryBackend, discard_data, "discard-data", "off",
         "drop the file's contents in the end"),
    { 0 },
};

const UserCreatableType memory_backend_type = {
    .name = "memory-backend",
    .parent = TYPE(user_creatable_type),
    .size = sizeof(MemoryBackend),
    .abstract = true,
    .finalize = backend_finalize,
    .can_delete = backend_can_delete,
};

const UserCreatableType memory_backend_ram_type = {
    .name = "memory-backend-ram",
    .parent = TYPE(memory_backend_type),
    .description = "guest RAM in the host's memory",
    .props = ram_props,
    .complete = ram_complete,
};

const UserCreatableType memory_backend_memfd_type = {
    .name = "memory-backend-memfd",
    .parent = TYPE(memory_backend_type),
    .description = "guest RAM in a memfd, for other processes to map",
    .props = memfd_props,
    .complete = memfd_complete,
};

const UserCreatableType memory_backend_file_type = {
    .name = "memory-backend-file",
    .parent = TYPE(memory_backend_type),
    .description = "guest RAM in a file",
    .props = file_props,
    .complete = file_complete,
};
