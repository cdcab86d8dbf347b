/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions as text by capstone, in the syntax that gdb shows. Not built
 * without that library: monitors then say that there is no disassembler.
 *
 * Spec: Intel SDM 2A, 2.3.11 (length), 3A 3.4.5 (L and D of CS), 5.2.1.
 */
#include "tandem/base.h"

#include <capstone/capstone.h>

#include "accel/accel.h"
#include "target/x86/cpu_type.h"

enum { INSN_BYTES_MAX = 15 };

/* What the CPU would take bytes for, now. */
static cs_mode mode_of(const X86Env *env)
{
    uint16_t attr = env->seg[SEG_CS].attr;

    if ((env->efer & EFER_LMA) && (attr & ATTR_L)) {
        return CS_MODE_64;
    }
    return attr & ATTR_DB ? CS_MODE_32 : CS_MODE_16;
}

unsigned x86_disas(CPUState *cpu, vaddr pc, const uint8_t *bytes,
                   unsigned avail, GString *out)
{
    cs_insn *insn = NULL;
    unsigned len = 0;
    csh cs;

    accel_ops(cpu->parent.machine)->regs_pull(cpu, REGS_GENERAL);
    if (cs_open(CS_ARCH_X86, mode_of(x86_env(cpu)), &cs) != CS_ERR_OK) {
        return 0;
    }
    cs_option(cs, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    if (cs_disasm(cs, bytes, avail, pc, 1, &insn) == 1) {
        len = insn->size;
        g_string_append_printf(out, *insn->op_str ? "%-8s %s" : "%s%s",
                               insn->mnemonic, insn->op_str);
        cs_free(insn, 1);
    } else if (avail >= INSN_BYTES_MAX) { /* no more bytes would help */
        len = 1;
        g_string_append_printf(out, "%-8s 0x%02x", ".byte", bytes[0]);
    }
    cs_close(&cs);
    return len;
}
