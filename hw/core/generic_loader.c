/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * -device loader: put a file or a value into memory, or start a CPU somewhere,
 * at every reset.
 *
 * Spec:  QEMU documentation, "Generic Loader" (docs/system/generic-loader).
 *        Three uses: data=,data-len=,addr= ; file=[,addr=][,force-raw=] ;
 *        addr=,cpu-num= (the CPU's program counter).
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/core/loader.h"
#include "softmmu/machine/cpu.h"

enum { CPU_NONE = UINT32_MAX };

typedef struct GenericLoader {
    DeviceState parent;
    /* properties */
    uint64_t addr, data;
    uint8_t data_len;
    bool data_be, force_raw;
    char *file;
    uint32_t cpu_num;
    /* constant after realize */
    bool set_pc; /* of CPU cpu_num */
    vaddr pc;
} GenericLoader;

static bool loader_take_data(GenericLoader *s, AddressSpace *as, Error **errp)
{
    Machine *m = s->parent.machine;
    g_autofree char *name = device_path(&s->parent);
    uint8_t bytes[8];

    if (s->file || s->force_raw) {
        error_set(errp, "Specifying a file is not supported when loading "
                        "memory values");
        return false;
    }
    if (s->data_len == 0 || s->data_len > sizeof(bytes)) {
        error_set(errp, "data-len must be 1 to 8 bytes");
        return false;
    }
    if (s->data_be) {
        st64_be(bytes, s->data);
        memmove(bytes, bytes + 8 - s->data_len, s->data_len);
    } else {
        st64_le(bytes, s->data);
    }
    return loader_add_bytes(m, as, name, s->addr, bytes, s->data_len, errp);
}

/* An ELF file or kernel image tells the CPU where to start (when cpu-num is
 * given); raw data starts at its address. */
static bool loader_take_file(GenericLoader *s, AddressSpace *as, Error **errp)
{
    LoadRequest req = {
        .file = s->file,
        .what = "file",
        .formats = s->force_raw ? LOAD_RAW : LOAD_ELF | LOAD_RAW,
        .addr = s->addr,
        .as = as,
    };
    LoadedImage image;

    if (!loader_load(s->parent.machine, &req, &image, errp)) {
        return false;
    }
    s->set_pc = s->cpu_num != CPU_NONE;
    s->pc = image.entry;
    return true;
}

static bool generic_loader_realize(DeviceState *dev, Error **errp)
{
    GenericLoader *s = object_cast(dev, &generic_loader_type);
    AddressSpace *as = &dev->machine->memory;

    if (dev->machine->built) {
        error_set(errp, "a loader cannot be added to a running machine");
        return false;
    }
    if (s->cpu_num != CPU_NONE) {
        CPUState *cpu = cpu_by_index(dev->machine, (int)s->cpu_num);

        if (cpu == NULL) {
            error_set(errp, "Specified boot CPU#%u is nonexistent", s->cpu_num);
            return false;
        }
        as = cpu->memory;
    }
    if (s->data_len || s->data || s->data_be) {
        return loader_take_data(s, as, errp);
    }
    if (s->file) {
        return loader_take_file(s, as, errp);
    }
    if (s->cpu_num == CPU_NONE) {
        error_set(errp, "please include valid arguments: data and data-len, "
                        "file, or addr and cpu-num");
        return false;
    }
    s->set_pc = true;
    s->pc = s->addr;
    return true;
}

static void generic_loader_reset_exit(DeviceState *dev)
{
    GenericLoader *s = object_cast(dev, &generic_loader_type);

    CPUState *cpu =
        s->set_pc ? cpu_by_index(dev->machine, (int)s->cpu_num) : NULL;

    if (cpu) { /* it may have been unplugged */
        cpu->type->pc_set(cpu, s->pc);
    }
}

static const Property generic_loader_props[] = {
    PROP(u64, GenericLoader, addr, "addr", "0", "address in bytes"),
    PROP(u64, GenericLoader, data, "data", "0", "value to store"),
    PROP(u8, GenericLoader, data_len, "data-len", "0",
         "bytes of the value, 1 to 8"),
    PROP(bool, GenericLoader, data_be, "data-be", "off",
         "the value is big endian"),
    PROP(str, GenericLoader, file, "file", NULL, "file to load"),
    PROP(bool, GenericLoader, force_raw, "force-raw", "off",
         "load the file as it is, whatever its format"),
    PROP(u32, GenericLoader, cpu_num, "cpu-num", "4294967295",
         "CPU whose memory is meant, and which starts there"),
    { 0 },
};

const DeviceType generic_loader_type = {
    .name = "loader",
    .parent = TYPE(device_type),
    .description = "puts files and values into memory",
    .size = sizeof(GenericLoader),
    .props = generic_loader_props,
    .user_creatable = true,
    .realize = generic_loader_realize,
    .reset_exit = generic_loader_reset_exit,
};
