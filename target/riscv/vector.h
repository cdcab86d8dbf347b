/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vector unit: how translated code asks for an operation, and the kernels
 * that carry it out.
 *
 * Spec: Unprivileged ISA 20240411, chapter 31 (V 1.0).
 *
 * The translator knows vtype (context flags), so legality, SEW and register
 * groups are settled there; a helper gets them in one constant, VecDesc, and
 * reads vl, vstart and vxrm from env. A kernel is a plain loop over
 * elements without mask or vstart, in one instance for each SEW and host
 * level; masks are laid around it: the result goes to a buffer and is merged.
 *
 * Policies: agnostic elements, tail and masked-off, keep their values, as
 * undisturbed ones do (31.3.4.3 allows it). Also in mask results.
 */
#ifndef TARGET_RISCV_VECTOR_H
#define TARGET_RISCV_VECTOR_H

#include "target/riscv/cpu.h"
#include "target/softfloat/softfloat.h"

enum {
    V_GROUP_BYTES = 8 * RISCV_MAX_VLENB, /* of the largest register group */
};

/* VecDesc: fields of the constant argument of vector helpers. */
typedef uint64_t VecDesc;
enum {
    VD_OP = 0,      /* 8 bits: VecOp, or what the helper takes it for */
    VD_SEW = 8,     /* 2 bits: log2 of bytes of SEW (or of EEW) */
    VD_MASKED = 10, /* 1 bit: v0.t */
    VD_SCALAR = 11, /* 1 bit: the second source is the scalar argument */
    VD_SOFT = 12,   /* 1 bit: floating point in software */
    VD_AUX = 13,    /* 3 bits: the helper's own */
    VD_D = 16,      /* 8 bits each: registers, in units of 16 bytes of vreg */
    VD_S2 = 24,
    VD_S1 = 32,
    VD_MMU = 40,   /* 4 bits: memory: mmu index */
    VD_NF = 44,    /* 3 bits: memory: fields of a segment - 1 */
    VD_EMUL = 47,  /* 4 bits: registers of one group: a field's stride, or
                      of the destination */
    VD_EEW = 51,   /* 2 bits: log2 of bytes of an index or source */
    VD_ALIGN = 53, /* 1 bit: memory: elements must be aligned */
    VD_VLMAX = 54, /* 4 bits: log2 of VLMAX; up to 1024 elements */
};

/*
 * Operations with a kernel: V(name, d, a, b, flags). d, a, b are the widths
 * of destination, vs2 and vs1 in relation to SEW: 0 SEW, 1 twice that, -1 no
 * such operand, MASK a mask register, or -2, -3, -4: SEW / 2, 4, 8.
 */
enum {
    VF_READS_D = 1, /* the old destination is a source too */
    VF_SAT = 2,     /* may set vxsat: inactive elements become zeros */
    VF_FP = 4,      /* may set fflags: inactive elements become 1.0 */
    VF_FPINT = 8,   /* the same, of integers: zeros */
    VF_RED = 16,    /* reduction: active elements, packed; vs1 is a scalar */
    VF_RM = 32,     /* takes frm (all of VF_FP need a legal one) */
};
enum { V_NONE = -1, V_HALF = -2, V_QUARTER = -3, V_EIGHTH = -4, V_MASK = 9 };

/* clang-format off */
#define VEC_INT2(V) \
    V(ADD) V(SUB) V(RSUB) V(AND) V(OR) V(XOR) V(SLL) V(SRL) V(SRA) V(MINU) \
    V(MIN) V(MAXU) V(MAX) V(MUL) V(MULH) V(MULHU) V(MULHSU) V(DIVU) V(DIV) \
    V(REMU) V(REM) V(AADDU) V(AADD) V(ASUBU) V(ASUB) V(SSRL) V(SSRA)
#define VEC_SAT2(V) V(SADDU) V(SADD) V(SSUBU) V(SSUB) V(SMUL)
#define VEC_INT3(V) V(MACC) V(NMSAC) V(MADD) V(NMSUB)
#define VEC_CMP(V) \
    V(MSEQ) V(MSNE) V(MSLTU) V(MSLT) V(MSLEU) V(MSLE) V(MSGTU) V(MSGT)
#define VEC_WIDE2(V) \
    V(WADDU) V(WADD) V(WSUBU) V(WSUB) V(WMULU) V(WMULSU) V(WMUL)
#define VEC_WIDEW(V) V(WADDUW) V(WADDW) V(WSUBUW) V(WSUBW)
#define VEC_WIDE3(V) V(WMACCU) V(WMACC) V(WMACCUS) V(WMACCSU)
#define VEC_NARROW(V) V(NSRL) V(NSRA)
#define VEC_NCLIP(V) V(NCLIPU) V(NCLIP)
#define VEC_RED(V) \
    V(REDSUM) V(REDAND) V(REDOR) V(REDXOR) V(REDMINU) V(REDMIN) V(REDMAXU) \
    V(REDMAX)
#define VEC_WRED(V) V(WREDSUMU) V(WREDSUM)
#define VEC_FP2(V) V(FADD) V(FSUB) V(FRSUB) V(FMUL) V(FDIV) V(FRDIV)
#define VEC_FPQ2(V) V(FMIN) V(FMAX) V(FSGNJ) V(FSGNJN) V(FSGNJX)
#define VEC_FP3(V) \
    V(FMACC) V(FNMACC) V(FMSAC) V(FNMSAC) V(FMADD) V(FNMADD) V(FMSUB) \
    V(FNMSUB)
#define VEC_FCMP(V) V(MFEQ) V(MFNE) V(MFLT) V(MFLE) V(MFGT) V(MFGE)
#define VEC_FW2(V) V(FWADD) V(FWSUB) V(FWMUL)
#define VEC_FWW(V) V(FWADDW) V(FWSUBW)
#define VEC_FW3(V) V(FWMACC) V(FWNMACC) V(FWMSAC) V(FWNMSAC)
#define VEC_FU(V) V(FSQRT) V(FRSQRT7) V(FREC7) V(FCLASS)
#define VEC_FCVT(V) V(FCVT_XU_F) V(FCVT_X_F) V(FCVT_RTZ_XU_F) V(FCVT_RTZ_X_F)
#define VEC_FCVTI(V) V(FCVT_F_XU) V(FCVT_F_X)
/* floating point to wider; SEW is that of the source */
#define VEC_FWCVT(V) \
    V(FWCVT_XU_F) V(FWCVT_X_F) V(FWCVT_RTZ_XU_F) V(FWCVT_RTZ_X_F) \
    V(FWCVT_F_F)
#define VEC_FWCVTI(V) V(FWCVT_F_XU) V(FWCVT_F_X)
/* and to narrower; SEW is that of the result */
#define VEC_FNCVT(V) \
    V(FNCVT_XU_F) V(FNCVT_X_F) V(FNCVT_RTZ_XU_F) V(FNCVT_RTZ_X_F) \
    V(FNCVT_F_F) V(FNCVT_ROD_F_F)
#define VEC_FNCVTI(V) V(FNCVT_F_XU) V(FNCVT_F_X)
#define VEC_FRED(V) V(FREDUSUM) V(FREDOSUM) V(FREDMIN) V(FREDMAX)
#define VEC_FWRED(V) V(FWREDUSUM) V(FWREDOSUM)
#define VEC_EXT(V) V(ZEXT2) V(SEXT2) V(ZEXT4) V(SEXT4) V(ZEXT8) V(SEXT8)
/* Our own: copy where the mask byte b is set; the same, else the neutral
 * value; fill with a scalar; mask bytes to bits; n segments of 2 to 4 fields
 * from memory at a to registers at d, and from registers at a. */
#define VEC_OWN(V) \
    V(MERGE) V(NEUTRAL) V(SPLAT) V(PACK) V(SEGLD2) V(SEGLD3) V(SEGLD4) \
    V(SEGST2) V(SEGST3) V(SEGST4)

#define VEC_INT_OPS(V) \
    VEC_INT2(V) VEC_SAT2(V) VEC_INT3(V) VEC_CMP(V) VEC_WIDE2(V) VEC_WIDEW(V) \
    VEC_WIDE3(V) VEC_NARROW(V) VEC_NCLIP(V) VEC_RED(V) VEC_WRED(V) \
    VEC_EXT(V) VEC_OWN(V)
#define VEC_FP_OPS(V) \
    VEC_FP2(V) VEC_FPQ2(V) VEC_FP3(V) VEC_FCMP(V) VEC_FW2(V) VEC_FWW(V) \
    VEC_FW3(V) VEC_FU(V) VEC_FCVT(V) VEC_FCVTI(V) VEC_FWCVT(V) VEC_FWCVTI(V) \
    VEC_FNCVT(V) VEC_FNCVTI(V) VEC_FRED(V) VEC_FWRED(V)

#define V(name) VOP_##name,
typedef enum VecOp {
    VEC_INT_OPS(V)
    VEC_FP_OPS(V)
    VOP_COUNT,
} VecOp;
#undef V
/* clang-format on */

typedef struct VecShape {
    int8_t d, a, b;
    uint8_t flags; /* VF_x */
} VecShape;
extern const VecShape vec_shapes[VOP_COUNT];

/* What a kernel reads and writes besides its operands. */
struct VecCtx {
    uint8_t vxrm;
    uint8_t rounding; /* FloatRound, for those in software */
    uint8_t flags;    /* fflags to add */
    bool sat;         /* vxsat to set */
    /* VOP_NEUTRAL; segments: bytes from one field's registers to the next's */
    uint64_t neutral;
};

/*
 * d[i] = op(a[i], b[i]) for i < n; a is vs2, b is vs1 or the filled scalar.
 * Operands may be the same memory, or overlap as the manual lets register
 * groups (31.5.2). Comparisons write bytes 0 or 1. Reductions write d[0] from
 * b[0] and all of a.
 * Floating point computes with the MXCSR in effect: rounding from it, flags to
 * it; those in software use @c alone.
 */
typedef RiscvVecKernel VecKernel;
typedef RiscvVecTable VecKernelRow; /* by log2 of bytes of SEW */

/* Tables of [VOP_COUNT], made for host levels, and the floating-point rows in
 * software. */
extern VecKernelRow vec_kernels_base[VOP_COUNT];
extern VecKernelRow vec_kernels_avx2[VOP_COUNT];
extern VecKernelRow vec_kernels_avx512[VOP_COUNT];
extern VecKernelRow vec_kernels_soft[VOP_COUNT];
/* The best of this host that @features (TCG_HOST_*) allow; constant. */
VecKernelRow *vec_kernels_host(uint32_t features);

/* 7-bit estimates (31.13.9, 31.13.10); @st: flags, and the rounding of an
 * overflow of frec7. @width 16, 32 or 64. */
uint64_t vec_frsqrt7(uint64_t x, unsigned width, FloatStatus *st);
uint64_t vec_frec7(uint64_t x, unsigned width, FloatStatus *st);

/* --- masks --- */

static inline bool vec_mask_bit(const uint8_t *m, size_t i)
{
    return m[i / 8] >> (i % 8) & 1;
}

static inline void vec_mask_set(uint8_t *m, size_t i, bool on)
{
    m[i / 8] = (m[i / 8] & ~(1u << (i % 8))) | (unsigned)on << (i % 8);
}

/* out[i] = 0xff or 0 for mask elements [from, from + n). */
void vec_mask_bytes(uint8_t *out, const uint8_t *m, size_t from, size_t n);

static inline uint64_t vec_get(const uint8_t *p, size_t i, unsigned sew)
{
    uint64_t v = 0;

    memcpy(&v, p + (i << sew), (size_t)1 << sew);
    return v;
}

static inline void vec_put(uint8_t *p, size_t i, unsigned sew, uint64_t v)
{
    memcpy(p + (i << sew), &v, (size_t)1 << sew);
}

#endif
