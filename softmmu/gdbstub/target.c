/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The target description and registers by number (GDB manual, appendix G). */
#include "tandem/base.h"

#include "internal.h"

static char *target_xml(CPUState *cpu)
{
    GString *out = g_string_new("<?xml version=\"1.0\"?>\n"
                                "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
                                "<target version=\"1.0\">\n");

    if (cpu->type->gdb_arch) {
        g_string_append_printf(out, "<architecture>%s</architecture>\n",
                               cpu->type->gdb_arch);
    }
    for (const GdbFeature *f = cpu->type->gdb; f && f->name; f++) {
        if (f->count(cpu) > 0) {
            g_string_append_printf(out, "<xi:include href=\"%s\"/>\n", f->file);
        }
    }
    g_string_append(out, "</target>\n");
    return g_string_free(out, FALSE);
}

char *gdb_target_file(CPUState *cpu, const char *name)
{
    if (strcmp(name, "target.xml") == 0) {
        return target_xml(cpu);
    }
    for (const GdbFeature *f = cpu->type->gdb; f && f->name; f++) {
        if (strcmp(f->file, name) == 0) {
            return f->xml(cpu);
        }
    }
    return NULL;
}

/* The feature that has register *n, which becomes its number in there. */
static const GdbFeature *find_feature(CPUState *cpu, unsigned *n)
{
    for (const GdbFeature *f = cpu->type->gdb; f && f->name; f++) {
        unsigned count = f->count(cpu);

        if (*n < count) {
            return f;
        }
        *n -= count;
    }
    return NULL;
}

unsigned gdb_reg_read(CPUState *cpu, unsigned n, GByteArray *out)
{
    const GdbFeature *f = find_feature(cpu, &n);

    return f ? cpu->type->gdb_read(cpu, f, n, out) : 0;
}

unsigned gdb_reg_write(CPUState *cpu, unsigned n, const uint8_t *bytes,
                       unsigned avail)
{
    const GdbFeature *f = find_feature(cpu, &n);

    return f ? cpu->type->gdb_write(cpu, f, n, bytes, avail) : 0;
}

unsigned gdb_core_regs(CPUState *cpu)
{
    const GdbFeature *core = cpu->type->gdb;

    return core && core->name ? core->count(cpu) : 0;
}
