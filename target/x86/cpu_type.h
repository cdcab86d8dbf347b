/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every model's type table holds, as tables inherit no methods of
 * CpuType; cpu.c has the functions. */
#ifndef TARGET_X86_CPU_TYPE_H
#define TARGET_X86_CPU_TYPE_H

#include "target/x86/cpu.h"

vaddr x86_pc_get(CPUState *cpu);
void x86_pc_set(CPUState *cpu, vaddr pc);
bool x86_has_work(CPUState *cpu);
void x86_nmi(CPUState *cpu);
void x86_dump(CPUState *cpu, GString *out, bool fpu);
unsigned x86_disas(CPUState *cpu, vaddr pc, const uint8_t *bytes,
                   unsigned avail, GString *out);
void x86_boot(CPUState *cpu, vaddr pc, uint64_t arg0, uint64_t arg1);
json_object *x86_expand(CPUState *cpu, Machine *m, bool as_static);
char **x86_unavailable(CPUState *cpu, Machine *m);
bool x86_cpu_realize(DeviceState *dev, Error **errp);
void x86_cpu_unrealize(DeviceState *dev);
void x86_cpu_reset_enter(DeviceState *dev);

#define X86_CPU_METHODS                                                        \
    .size = sizeof(X86Cpu), .category = DEVICE_CPU, .page_bits = 12,           \
    .env_size = sizeof(X86Env), .plus_minus = true,                            \
    .unavailable = x86_unavailable, .expand = x86_expand,                      \
    .kvm = IF_KVM(&x86_kvm_ops), .gdb = x86_gdb_features,                      \
    .gdb_arch = "i386:x86-64", .pc_get = x86_pc_get, .pc_set = x86_pc_set,     \
    .has_work = x86_has_work, .nmi = x86_nmi,                                  \
    .each_mapping = x86_each_mapping, .local_intc = x86_local_intc,            \
    .debug_translate = x86_debug_translate, .dump = x86_dump,                  \
    .disas = IF_CAPSTONE(x86_disas), .gdb_read = x86_gdb_read,                 \
    .gdb_write = x86_gdb_write, .boot = x86_boot, .realize = x86_cpu_realize,  \
    .unrealize = x86_cpu_unrealize, .reset_enter = x86_cpu_reset_enter

#endif
