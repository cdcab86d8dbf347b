/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loader of saved state over a struct with every kind of field. Refused,
 * or loaded within bounds and then saved to the bytes that load again equal.
 * Input: the version, then one state.
 */
#include "tests/fuzz/fuzz.h"

#include "softmmu/object/vmstate.h"

typedef struct Inner {
    uint16_t id;
    bool on;
} Inner;

typedef struct Outer {
    uint8_t u8;
    uint32_t u32;
    int64_t i64;
    bool flag;
    uint8_t fifo[16];
    uint32_t head, count;
    Inner inner;
    Inner pair[2];
    uint32_t n_words;
    uint64_t *words;
    uint32_t n_parts;
    Inner *parts;
    uint32_t blob_len;
    uint8_t blob[8];
    bool has_extra;
    uint64_t extra;
    uint32_t newer;
} Outer;

enum { WORDS = 4, PARTS = 3 };

static void blob_save(const void *field, const void *obj, VmBuffer *b)
{
    const Outer *s = obj;

    vm_put_u64(b, s->blob_len);
    vm_put(b, field, s->blob_len);
}

static bool blob_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    Outer *s = obj;
    uint64_t len = vm_get_u64(b);

    if (len > sizeof(s->blob)) {
        error_set(errp, "blob of %" PRIu64 " bytes", len);
        return false;
    }
    s->blob_len = len;
    return vm_get(b, field, len);
}

static const VmCustom blob_custom = { blob_save, blob_load };

static const VmField inner_fields[] = { VM_U16(Inner, id),
                                        VM_BOOL(Inner, on),
                                        { 0 } };
static const VmState inner_state = { "inner", 1, inner_fields };

static bool extra_needed(void *obj)
{
    Outer *s = obj;

    return s->has_extra;
}

static bool extra_post_load(void *obj, int version, Error **errp)
{
    Outer *s = obj;

    s->has_extra = true;
    return true;
}

static const VmField extra_fields[] = { VM_U64(Outer, extra), { 0 } };
static const VmState extra_state = { .name = "outer/extra",
                                     .version = 1,
                                     .fields = extra_fields,
                                     .needed = extra_needed,
                                     .post_load = extra_post_load };
static const VmState *const subsections[] = { &extra_state, NULL };

static bool outer_post_load(void *obj, int version, Error **errp)
{
    Outer *s = obj;

    if (s->head >= sizeof(s->fifo) || s->count > sizeof(s->fifo)) {
        error_set(errp, "fifo position %u, %u is out of range", s->head,
                  s->count);
        return false;
    }
    return true;
}

static const VmField outer_fields[] = {
    VM_U8(Outer, u8),
    VM_U32(Outer, u32),
    VM_I64(Outer, i64),
    VM_BOOL(Outer, flag),
    VM_BYTES(Outer, fifo),
    VM_U32(Outer, head),
    VM_U32(Outer, count),
    VM_STRUCT(Outer, inner, inner_state),
    VM_STRUCT_ARRAY(Outer, pair, inner_state),
    VM_U32(Outer, n_words),
    VM_VARRAY(Outer, words, n_words, WORDS),
    VM_U32(Outer, n_parts),
    VM_STRUCT_VARRAY(Outer, parts, n_parts, PARTS, inner_state),
    VM_CUSTOM(Outer, blob, blob_custom),
    { .name = "newer",
      .offset = offsetof(Outer, newer),
      .kind = VM_KIND_UINT,
      .size = 4,
      .count = 1,
      .since = 3 },
    { 0 },
};

static const VmState outer_state = { .name = "outer",
                                     .version = 3,
                                     .min_version = 1,
                                     .fields = outer_fields,
                                     .post_load = outer_post_load,
                                     .subsections = subsections };

static void outer_init(Outer *s)
{
    *s = (Outer){ .words = g_new0(uint64_t, WORDS),
                  .parts = g_new0(Inner, PARTS) };
}

static void outer_clear(Outer *s)
{
    g_free(s->words);
    g_free(s->parts);
}

static void check_bounds(const Outer *s)
{
    g_assert_cmpuint(s->head, <, sizeof(s->fifo));
    g_assert_cmpuint(s->count, <=, sizeof(s->fifo));
    g_assert_cmpuint(s->n_words, <=, WORDS);
    g_assert_cmpuint(s->n_parts, <=, PARTS);
    g_assert_cmpuint(s->blob_len, <=, sizeof(s->blob));
    g_assert_true(*(const uint8_t *)&s->flag <= 1);
    g_assert_true(*(const uint8_t *)&s->inner.on <= 1);
}

/* What was loaded, saved and loaded again is saved to the same bytes. */
static void check_round_trip(Outer *s)
{
    g_autoptr(GByteArray) once = g_byte_array_new();
    g_autoptr(GByteArray) twice = g_byte_array_new();
    Error *err = NULL;
    Outer copy;

    outer_init(&copy);
    vmstate_save(&outer_state, s, once);
    g_assert_true(vmstate_load(&outer_state, &copy, outer_state.version,
                               once->data, once->len, &err));
    g_assert_null(err);
    vmstate_save(&outer_state, &copy, twice);
    g_assert_cmpmem(once->data, once->len, twice->data, twice->len);
    outer_clear(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size };
    int version = (int8_t)fuzz_u8(&in);
    Error *err = NULL;
    Outer s;

    outer_init(&s);
    if (vmstate_load(&outer_state, &s, version, in.data, in.left, &err)) {
        g_assert_null(err);
        g_assert_cmpint(version, >=, 1);
        g_assert_cmpint(version, <=, 3);
        check_bounds(&s);
        check_round_trip(&s);
    } else {
        g_assert_nonnull(err);
    }
    error_free(err);
    outer_clear(&s);
    return 0;
}
