/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Regions and the trees they form. Machine lock. */
#include "softmmu/memory/internal.h"

#include "softmmu/object/object.h"

/* --- making them --- */

static void region_setup(MemoryRegion *mr, void *owner, const char *name,
                         uint64_t size, MemoryKind kind)
{
    *mr = (MemoryRegion){
        .name = g_strdup(name),
        .owner = owner,
        .kind = kind,
        .size = size,
        .enabled = true,
    };
}

void memory_region_init(MemoryRegion *mr, void *owner, const char *name,
                        uint64_t size)
{
    region_setup(mr, owner, name, size, MEMORY_CONTAINER);
}

void memory_region_init_io(MemoryRegion *mr, void *owner, const MemoryOps *ops,
                           void *opaque, const char *name, uint64_t size)
{
    region_setup(mr, owner, name, size, MEMORY_IO);
    mr->ops = ops;
    mr->opaque = opaque;
}

void memory_region_init_ram(MemoryRegion *mr, void *owner, const char *name,
                            RamBlock *block)
{
    region_setup(mr, owner, name, block->size, MEMORY_RAM);
    mr->ram = block;
    mr->readonly = block->readonly;
}

/* A block for one region; @size need not be whole pages. */
static bool region_own_ram(MemoryRegion *mr, MemorySystem *ms, Error **errp)
{
    RamConfig cfg = { .size = mr->size, .dump = true, .anonymous = true };
    g_autofree char *path = mr->owner ? object_path(mr->owner) : NULL;
    g_autofree char *id =
        path ? g_strconcat(path, "/", mr->name, NULL) : g_strdup(mr->name);

    mr->ram = ram_block_new(ms, id, &cfg, errp);
    mr->ram_owned = mr->ram != NULL;
    if (mr->ram == NULL) {
        g_clear_pointer((char **)&mr->name, g_free);
    }
    return mr->ram_owned;
}

bool memory_region_init_ram_owned(MemoryRegion *mr, void *owner,
                                  MemorySystem *ms, const char *name,
                                  uint64_t size, Error **errp)
{
    region_setup(mr, owner, name, size, MEMORY_RAM);
    return region_own_ram(mr, ms, errp);
}

bool memory_region_init_rom(MemoryRegion *mr, void *owner, MemorySystem *ms,
                            const char *name, uint64_t size, Error **errp)
{
    region_setup(mr, owner, name, size, MEMORY_ROM);
    mr->readonly = true;
    return region_own_ram(mr, ms, errp);
}

bool memory_region_init_rom_device(MemoryRegion *mr, void *owner,
                                   MemorySystem *ms, const MemoryOps *ops,
                                   void *opaque, const char *name,
                                   uint64_t size, Error **errp)
{
    region_setup(mr, owner, name, size, MEMORY_ROM_DEVICE);
    mr->ops = ops;
    mr->opaque = opaque;
    mr->romd = true;
    return region_own_ram(mr, ms, errp);
}

void memory_region_init_alias(MemoryRegion *mr, void *owner, const char *name,
                              MemoryRegion *target, hwaddr offset,
                              uint64_t size)
{
    region_setup(mr, owner, name, size, MEMORY_ALIAS);
    mr->alias = target;
    mr->alias_offset = offset;
}

void memory_region_init_iommu(MemoryRegion *mr, void *owner, IommuTranslate *fn,
                              const char *name, uint64_t size)
{
    region_setup(mr, owner, name, size, MEMORY_IOMMU);
    mr->translate = fn;
}

static void doorbells_free(RcuHead *head)
{
    g_free(container_of(head, struct MemoryDoorbells, rcu));
}

void memory_region_destroy(MemoryRegion *mr)
{
    assert(mr->parent == NULL);
    assert(mr->ms == NULL || mr->ms->depth == 0); /* views still show it */
    for (guint i = 0; mr->children && i < mr->children->len; i++) {
        ((MemoryRegion *)mr->children->pdata[i])->parent = NULL;
    }
    g_clear_pointer(&mr->children, g_ptr_array_unref);
    if (mr->doorbells) {
        rcu_defer(&mr->doorbells->rcu, doorbells_free);
        mr->doorbells = NULL;
    }
    if (mr->ram_owned) {
        ram_block_free(NULL, mr->ram);
        mr->ram = NULL;
        mr->ram_owned = false;
    }
    g_clear_pointer((char **)&mr->name, g_free);
}

/* --- the tree --- */

/*
 * A region below an address space knows the system, so that its changes
 * rebuild views; so do targets of aliases, whose trees may be reached only
 * through them. What is added below later learns it when it is added.
 */
static void region_join(MemoryRegion *mr, MemorySystem *ms)
{
    if (ms == NULL || mr->ms == ms) {
        return;
    }
    assert(mr->ms == NULL);
    mr->ms = ms;
    for (guint i = 0; mr->children && i < mr->children->len; i++) {
        region_join(mr->children->pdata[i], ms);
    }
    if (mr->alias) {
        region_join(mr->alias, ms);
    }
}

void address_space_init(AddressSpace *as, MemorySystem *ms, MemoryRegion *root,
                        const char *name)
{
    *as = (AddressSpace){
        .name = g_strdup(name),
        .ms = ms,
        .root = root,
    };
    memory_begin(ms);
    region_join(root, ms);
    g_ptr_array_add(ms->spaces, as);
    memory_touch(ms);
    memory_commit(ms);
}

static void region_changed(MemoryRegion *mr)
{
    if (mr->ms) {
        memory_begin(mr->ms);
        memory_touch(mr->ms);
        memory_commit(mr->ms);
    }
}

/* Among equal priorities the newest covers the others. */
static guint child_position(MemoryRegion *parent, int priority)
{
    guint i = 0;

    while (i < parent->children->len &&
           ((MemoryRegion *)parent->children->pdata[i])->priority > priority) {
        i++;
    }
    return i;
}

void memory_region_add_overlap(MemoryRegion *parent, hwaddr addr,
                               MemoryRegion *child, int priority)
{
    assert(child->parent == NULL);
    if (parent->children == NULL) {
        parent->children = g_ptr_array_new();
    }
    child->parent = parent;
    child->addr = addr;
    child->priority = priority;
    g_ptr_array_insert(parent->children, child_position(parent, priority),
                       child);
    region_join(child, parent->ms);
    region_changed(parent);
}

void memory_region_add(MemoryRegion *parent, hwaddr addr, MemoryRegion *child)
{
    memory_region_add_overlap(parent, addr, child, 0);
}

void memory_region_del(MemoryRegion *parent, MemoryRegion *child)
{
    MemorySystem *ms = child->ms;

    assert(child->parent == parent);
    if (ms) {
        memory_begin(ms);
    }
    g_ptr_array_remove(parent->children, child);
    child->parent = NULL;
    if (ms) {
        memory_touch(ms);
        ms->removed = true;
        memory_commit(ms);
    }
}

/* --- attributes --- */

void memory_region_set_enabled(MemoryRegion *mr, bool enabled)
{
    if (mr->enabled != enabled) {
        mr->enabled = enabled;
        region_changed(mr);
    }
}

/* A region that is off shows nowhere: PCI sets up BARs with decoding off. */
static void region_changed_if_on(MemoryRegion *mr)
{
    if (mr->enabled) {
        region_changed(mr);
    }
}

void memory_region_set_address(MemoryRegion *mr, hwaddr addr)
{
    if (mr->addr != addr) {
        mr->addr = addr;
        region_changed_if_on(mr);
    }
}

void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset)
{
    assert(mr->kind == MEMORY_ALIAS);
    if (mr->alias_offset != offset) {
        mr->alias_offset = offset;
        region_changed_if_on(mr);
    }
}

void memory_region_set_size(MemoryRegion *mr, uint64_t size)
{
    if (mr->size != size) {
        mr->size = size;
        region_changed_if_on(mr);
    }
}

void memory_region_set_readonly(MemoryRegion *mr, bool readonly)
{
    if (mr->readonly != readonly) {
        mr->readonly = readonly;
        region_changed_if_on(mr);
    }
}

void memory_region_set_romd(MemoryRegion *mr, bool romd)
{
    assert(mr->kind == MEMORY_ROM_DEVICE);
    if (mr->romd != romd) {
        mr->romd = romd;
        region_changed_if_on(mr);
    }
}

void memory_region_set_coalesced(MemoryRegion *mr)
{
    assert(mr->parent == NULL && mr->ops && !mr->ops->lockless);
    mr->coalesced = true;
}

void memory_region_set_log(MemoryRegion *mr, unsigned client, bool on)
{
    assert(mr->ram != NULL && client < DIRTY_CLIENTS);
    if (!!(mr->dirty_clients & BIT(client)) == on) {
        return;
    }
    mr->dirty_clients ^= BIT(client);
    ram_block_track(mr->ram, client, on, true);
    region_changed_if_on(mr);
}

void *memory_region_ram_ptr(const MemoryRegion *mr)
{
    return mr->ram ? mr->ram->host + mr->ram_offset : NULL;
}

/* --- doorbells --- */

static bool bell_equal(const MemoryIoeventfd *a, const MemoryIoeventfd *b)
{
    return a->addr == b->addr && a->size == b->size && a->match == b->match &&
           a->data == b->data && a->fd == b->fd;
}

static void doorbells_replace(MemoryRegion *mr, struct MemoryDoorbells *fresh)
{
    struct MemoryDoorbells *old = mr->doorbells;

    rcu_publish(&mr->doorbells, fresh);
    if (old) {
        rcu_defer(&old->rcu, doorbells_free);
    }
    region_changed_if_on(mr); /* engines may want them */
}

static struct MemoryDoorbells *doorbells_alloc(size_t n)
{
    return g_malloc0(sizeof(struct MemoryDoorbells) +
                     n * sizeof(MemoryIoeventfd));
}

void memory_region_add_ioeventfd(MemoryRegion *mr, const MemoryIoeventfd *e)
{
    const struct MemoryDoorbells *old = mr->doorbells;
    size_t n = old ? old->n : 0;
    struct MemoryDoorbells *fresh = doorbells_alloc(n + 1);

    if (old) {
        memcpy(fresh->e, old->e, n * sizeof(*e));
    }
    fresh->e[n] = *e;
    fresh->n = n + 1;
    doorbells_replace(mr, fresh);
}

void memory_region_del_ioeventfd(MemoryRegion *mr, const MemoryIoeventfd *e)
{
    const struct MemoryDoorbells *old = mr->doorbells;
    struct MemoryDoorbells *fresh;

    assert(old != NULL);
    fresh = doorbells_alloc(old->n);
    for (size_t i = 0; i < old->n; i++) {
        if (!bell_equal(&old->e[i], e)) {
            fresh->e[fresh->n++] = old->e[i];
        }
    }
    assert(fresh->n < old->n);
    doorbells_replace(mr, fresh);
}
