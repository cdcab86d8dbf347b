/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Saved state: round trips, versions, subsections, and broken streams. */
#include "tandem/base.h"

#include <json-c/json.h>

#include "softmmu/object/vmstate.h"

enum { RING_MAX = 8 };

typedef struct Part {
    uint16_t a;
    bool b;
} Part;

typedef struct Thing {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    int64_t i64;
    bool flag;
    uint32_t regs[3];
    uint8_t blob[5];
    Part part, parts[2];
    uint32_t ring_len;
    uint32_t *ring; /* RING_MAX of them */
    uint32_t index; /* below 3: post_load says so */
    char *text;     /* custom */
    /* version 2 */
    uint32_t newer;
    /* subsection */
    bool has_extra;
    uint64_t extra;
    /* not saved */
    int pre_saves, pre_loads, post_loads, loaded_version;
} Thing;

static const VmField part_fields[] = {
    VM_U16(Part, a),
    VM_BOOL(Part, b),
    { 0 },
};
static const VmState part_state = { "part", 1, part_fields };

static void text_save(const void *field, const void *obj, VmBuffer *b)
{
    const char *text = *(char *const *)field;

    vm_put(b, text, strlen(text));
}

static bool text_load(void *field, void *obj, VmBuffer *b, Error **errp)
{
    char **text = field;
    size_t len = b->in_len - b->in_pos;

    if (len > 16) {
        error_set(errp, "text is too long");
        return false;
    }
    g_free(*text);
    *text = g_malloc0(len + 1);
    vm_get(b, *text, len);
    return true;
}

static const VmCustom text_ops = { text_save, text_load };

/* What both versions have. */
/* clang-format off */
#define FIELDS_V1 \
    VM_U8(Thing, u8), \
    VM_U16(Thing, u16), \
    VM_U32(Thing, u32), \
    VM_U64(Thing, u64), \
    VM_I64(Thing, i64), \
    VM_BOOL(Thing, flag), \
    VM_U32_ARRAY(Thing, regs), \
    VM_BYTES(Thing, blob), \
    VM_STRUCT(Thing, part, part_state), \
    VM_STRUCT_ARRAY(Thing, parts, part_state), \
    VM_U32(Thing, ring_len), \
    VM_VARRAY(Thing, ring, ring_len, RING_MAX), \
    VM_U32(Thing, index), \
    VM_CUSTOM(Thing, text, text_ops)
/* clang-format on */

static const VmField fields_v1[] = {
    FIELDS_V1,
    { 0 },
};

static const VmField fields_v2[] = {
    FIELDS_V1,
    { .name = "newer",
      .offset = offsetof(Thing, newer),
      .kind = VM_KIND_UINT,
      .size = 4,
      .count = 1,
      .since = 2 },
    { 0 },
};

static void thing_pre_save(void *obj)
{
    ((Thing *)obj)->pre_saves++;
}

static void thing_pre_load(void *obj)
{
    Thing *t = obj;

    t->pre_loads++;
    t->newer = 1234;
}

static bool thing_post_load(void *obj, int version, Error **errp)
{
    Thing *t = obj;

    t->post_loads++;
    t->loaded_version = version;
    if (t->index >= 3) {
        error_set(errp, "index %u is beyond 3", t->index);
        return false;
    }
    return true;
}

static bool extra_needed(void *obj)
{
    return ((Thing *)obj)->has_extra;
}

static void extra_pre_load(void *obj)
{
    ((Thing *)obj)->extra = 0;
}

static const VmField extra_fields[] = { VM_U64(Thing, extra), { 0 } };
static const VmState extra_state = {
    .name = "thing/extra",
    .version = 1,
    .fields = extra_fields,
    .needed = extra_needed,
    .pre_load = extra_pre_load,
};
static const VmState *const subs[] = { &extra_state, NULL };

static const VmState state_v1 = {
    .name = "thing",
    .version = 1,
    .fields = fields_v1,
    .pre_save = thing_pre_save,
    .post_load = thing_post_load,
    .subsections = subs,
};

static const VmState state_v2 = {
    .name = "thing",
    .version = 2,
    .fields = fields_v2,
    .pre_load = thing_pre_load,
    .post_load = thing_post_load,
    .subsections = subs,
};

static const VmState state_v2_only = {
    .name = "thing",
    .version = 2,
    .min_version = 2,
    .fields = fields_v2,
};

static Thing *thing_new(void)
{
    Thing *t = g_new0(Thing, 1);

    t->ring = g_new0(uint32_t, RING_MAX);
    t->text = g_strdup("");
    return t;
}

static Thing *thing_sample(void)
{
    Thing *t = thing_new();

    t->u8 = 0x12;
    t->u16 = 0x3456;
    t->u32 = 0x789abcde;
    t->u64 = UINT64_C(0x0123456789abcdef);
    t->i64 = -2;
    t->flag = true;
    t->regs[2] = 7;
    memcpy(t->blob, "hello", 5);
    t->part.a = 0x1111;
    t->parts[1] = (Part){ 0x2222, true };
    t->ring_len = 3;
    t->ring[2] = 0xfeedface;
    t->index = 2;
    g_free(t->text);
    t->text = g_strdup("tandem");
    t->newer = 99;
    return t;
}

static void thing_free(Thing *t)
{
    g_free(t->ring);
    g_free(t->text);
    g_free(t);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Thing, thing_free)

static GByteArray *save(const VmState *st, Thing *t)
{
    GByteArray *out = g_byte_array_new();

    vmstate_save(st, t, out);
    return out;
}

static void assert_equal(const Thing *a, const Thing *b)
{
    g_assert_cmpuint(a->u8, ==, b->u8);
    g_assert_cmpuint(a->u16, ==, b->u16);
    g_assert_cmpuint(a->u32, ==, b->u32);
    g_assert_cmpuint(a->u64, ==, b->u64);
    g_assert_cmpint(a->i64, ==, b->i64);
    g_assert_true(a->flag == b->flag);
    g_assert_cmpmem(a->regs, sizeof(a->regs), b->regs, sizeof(b->regs));
    g_assert_cmpmem(a->blob, sizeof(a->blob), b->blob, sizeof(b->blob));
    g_assert_cmpuint(a->part.a, ==, b->part.a);
    g_assert_cmpuint(a->parts[1].a, ==, b->parts[1].a);
    g_assert_true(a->parts[1].b == b->parts[1].b);
    g_assert_cmpuint(a->ring_len, ==, b->ring_len);
    g_assert_cmpmem(a->ring, 4 * a->ring_len, b->ring, 4 * b->ring_len);
    g_assert_cmpuint(a->index, ==, b->index);
    g_assert_cmpstr(a->text, ==, b->text);
    g_assert_cmpuint(a->extra, ==, b->extra);
}

static void a_round_trip_keeps_everything(void)
{
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(Thing) b = thing_new();
    g_autoptr(GByteArray) data = save(&state_v1, a);

    g_assert_cmpint(a->pre_saves, ==, 1);
    g_assert_true(vmstate_load(&state_v1, b, 1, data->data, data->len, NULL));
    assert_equal(a, b);
    g_assert_cmpint(b->post_loads, ==, 1);
    g_assert_cmpint(b->loaded_version, ==, 1);
}

static void the_wire_is_big_endian_in_table_order(void)
{
    static const uint8_t start[] = { 0x12, 0x34, 0x56, 0x78, 0x9a,
                                     0xbc, 0xde, 0x01, 0x23 };
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(GByteArray) data = save(&state_v1, a);

    g_assert_cmpmem(data->data, sizeof(start), start, sizeof(start));
}

static void an_older_version_gets_defaults(void)
{
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(Thing) b = thing_new();
    g_autoptr(GByteArray) old = save(&state_v1, a);
    g_autoptr(GByteArray) new = save(&state_v2, a);

    g_assert_true(vmstate_load(&state_v2, b, 1, old->data, old->len, NULL));
    g_assert_cmpuint(b->newer, ==, 1234);
    g_assert_true(vmstate_load(&state_v2, b, 2, new->data, new->len, NULL));
    g_assert_cmpuint(b->newer, ==, 99);
}

static void a_wrong_version_is_refused(void)
{
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(GByteArray) data = save(&state_v1, a);
    g_autoptr(Error) newer = NULL;
    g_autoptr(Error) older = NULL;

    g_assert_false(
        vmstate_load(&state_v1, a, 2, data->data, data->len, &newer));
    g_assert_cmpstr(error_text(newer), ==,
                    "thing: version 2 of 'thing' does not load, only 1 to 1 "
                    "do");
    g_assert_false(
        vmstate_load(&state_v2_only, a, 1, data->data, data->len, &older));
    g_assert_nonnull(older);
    g_assert_false(vmstate_load(&state_v1, a, 0, data->data, data->len, NULL));
    g_assert_false(vmstate_load(&state_v1, a, -1, data->data, data->len, NULL));
}

static void a_subsection_travels_only_when_needed(void)
{
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(Thing) b = thing_new();
    g_autoptr(GByteArray) without = save(&state_v1, a);
    g_autoptr(GByteArray) with = NULL;

    a->has_extra = true;
    a->extra = 55;
    with = save(&state_v1, a);
    g_assert_cmpuint(with->len, >, without->len);
    g_assert_true(vmstate_load(&state_v1, b, 1, with->data, with->len, NULL));
    g_assert_cmpuint(b->extra, ==, 55);
    /* absent: its default, not what was there before */
    g_assert_true(
        vmstate_load(&state_v1, b, 1, without->data, without->len, NULL));
    g_assert_cmpuint(b->extra, ==, 0);
}

static void an_unknown_or_repeated_subsection_is_refused(void)
{
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(GByteArray) data = NULL;
    g_autoptr(GByteArray) twice = g_byte_array_new();
    g_autoptr(GByteArray) none = NULL;
    g_autoptr(Error) err = NULL;
    size_t sub_len;

    none = save(&state_v1, a);
    a->has_extra = true;
    data = save(&state_v1, a);
    sub_len = data->len - none->len;
    g_byte_array_append(twice, data->data, data->len);
    g_byte_array_append(twice, data->data + none->len, sub_len);
    twice->data[none->len - 1] = 2;
    g_assert_false(
        vmstate_load(&state_v1, a, 1, twice->data, twice->len, &err));
    g_assert_cmpstr(error_text(err), ==,
                    "thing: subsection 'thing/extra' comes twice");
    g_clear_pointer(&err, error_free);
    data->data[none->len + 1] = 'X'; /* first letter of its name */
    g_assert_false(vmstate_load(&state_v1, a, 1, data->data, data->len, &err));
    g_assert_cmpstr(error_text(err), ==,
                    "thing: unknown subsection 'Xhing/extra'");
}

static void a_count_beyond_the_array_is_refused(void)
{
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(Thing) b = thing_new();
    g_autoptr(GByteArray) data = NULL;
    g_autoptr(Error) err = NULL;
    uint8_t *at;

    a->ring_len = RING_MAX;
    data = save(&state_v1, a);
    g_assert_true(vmstate_load(&state_v1, b, 1, data->data, data->len, NULL));
    /* ring_len follows 24 + 12 + 5 + (4 + 3) + (4 + 6) bytes of fields and
     * a count of no subsections per struct: 1 + 2 */
    at = data->data + 24 + 12 + 5 + 8 + 12;
    g_assert_cmpuint(ld32_be(at), ==, RING_MAX);
    st32_be(at, RING_MAX + 1);
    g_assert_false(vmstate_load(&state_v1, b, 1, data->data, data->len, &err));
    g_assert_cmpstr(error_text(err), ==,
                    "thing: field 'ring' has 9 elements, at most 8 fit");
}

static void post_load_refuses_a_bad_index(void)
{
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(Thing) b = thing_new();
    g_autoptr(GByteArray) data = NULL;
    g_autoptr(Error) err = NULL;

    a->index = 3;
    data = save(&state_v1, a);
    g_assert_false(vmstate_load(&state_v1, b, 1, data->data, data->len, &err));
    g_assert_cmpstr(error_text(err), ==, "thing: index 3 is beyond 3");
}

static void a_bool_is_0_or_1(void)
{
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(GByteArray) data = save(&state_v1, a);
    g_autoptr(Error) err = NULL;

    data->data[23] = 2;
    g_assert_false(vmstate_load(&state_v1, a, 1, data->data, data->len, &err));
    g_assert_cmpstr(error_text(err), ==,
                    "thing: field 'flag' is neither true nor false");
}

static void bytes_left_over_are_refused(void)
{
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(GByteArray) data = save(&state_v1, a);
    g_autoptr(Error) err = NULL;

    g_byte_array_append(data, (const uint8_t *)"x", 1);
    g_assert_false(vmstate_load(&state_v1, a, 1, data->data, data->len, &err));
    g_assert_cmpstr(error_text(err), ==, "thing: 1 bytes follow the state");
}

static void truncation_at_every_byte_is_an_error(void)
{
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(GByteArray) data = NULL;

    a->has_extra = true;
    data = save(&state_v1, a);
    for (size_t len = 0; len < data->len; len++) {
        g_autofree uint8_t *copy = g_memdup2(data->data, MAX(len, 1));
        g_autoptr(Thing) b = thing_new();
        g_autoptr(Error) err = NULL;

        g_assert_false(vmstate_load(&state_v1, b, 1, copy, len, &err));
        g_assert_nonnull(err);
        g_assert_cmpuint(b->ring_len, <=, UINT32_MAX);
    }
}

/* A flip may load another value or be refused; it never does anything else.
 * Sanitizer builds make this test sharp. */
static void bit_flips_load_or_fail_cleanly(void)
{
    g_autoptr(Thing) a = thing_sample();
    g_autoptr(GByteArray) data = NULL;
    unsigned loaded = 0, refused = 0;

    a->has_extra = true;
    data = save(&state_v1, a);
    for (size_t bit = 0; bit < 8 * data->len; bit++) {
        g_autofree uint8_t *copy = g_memdup2(data->data, data->len);
        g_autoptr(Thing) b = thing_new();
        g_autoptr(Error) err = NULL;
        bool ok;

        copy[bit / 8] ^= 1 << bit % 8;
        ok = vmstate_load(&state_v1, b, 1, copy, data->len, &err);
        g_assert_true(ok == (err == NULL));
        if (ok) {
            g_assert_cmpuint(b->index, <, 3);
            g_assert_cmpuint(b->ring_len, <=, RING_MAX);
        }
        loaded += ok;
        refused += !ok;
    }
    g_assert_cmpuint(loaded, >, 0);
    g_assert_cmpuint(refused, >, 0);
}

static void random_bytes_fail_cleanly(void)
{
    for (int round = 0; round < 2000; round++) {
        uint8_t junk[200];
        size_t len = g_test_rand_int_range(0, sizeof(junk));
        g_autofree uint8_t *copy = NULL;
        g_autoptr(Thing) b = thing_new();
        g_autoptr(Error) err = NULL;

        for (size_t i = 0; i < len; i++) {
            junk[i] = g_test_rand_int();
        }
        copy = g_memdup2(junk, MAX(len, 1));
        if (!vmstate_load(&state_v1, b, 1, copy, len, &err)) {
            g_assert_nonnull(err);
        }
    }
}

static void the_description_names_every_field(void)
{
    json_object *o = vmstate_describe(&state_v2);
    json_object *fields, *list;

    g_assert_true(json_object_object_get_ex(o, "fields", &fields));
    g_assert_cmpuint(json_object_array_length(fields), ==, 15);
    g_assert_cmpstr(
        json_object_to_json_string_ext(json_object_array_get_idx(fields, 14),
                                       0),
        ==, "{\"name\":\"newer\",\"type\":\"uint\",\"size\":4,\"since\":2}");
    g_assert_true(json_object_object_get_ex(o, "subsections", &list));
    g_assert_cmpuint(json_object_array_length(list), ==, 1);
    json_object_put(o);
}

/* A device without the array (no MSI-X vectors) has NULL for it; UBSan. */
static void no_bytes_are_read_into_nothing(void)
{
    static const uint8_t in[] = { 7 };
    VmBuffer b = { .in = in, .in_len = sizeof(in) };
    uint8_t byte = 0;

    g_assert_true(vm_get(&b, NULL, 0));
    g_assert_true(vm_get(&b, &byte, 1));
    g_assert_cmpint(byte, ==, 7);
    g_assert_true(vm_get(&b, NULL, 0));
    g_assert_false(vm_get(&b, &byte, 1));
    g_assert_false(vm_get(&b, NULL, 0));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/vmstate/" #f, f)
    T(a_round_trip_keeps_everything);
    T(the_wire_is_big_endian_in_table_order);
    T(an_older_version_gets_defaults);
    T(a_wrong_version_is_refused);
    T(a_subsection_travels_only_when_needed);
    T(an_unknown_or_repeated_subsection_is_refused);
    T(a_count_beyond_the_array_is_refused);
    T(post_load_refuses_a_bad_index);
    T(a_bool_is_0_or_1);
    T(bytes_left_over_are_refused);
    T(truncation_at_every_byte_is_an_error);
    T(bit_flips_load_or_fail_cleanly);
    T(random_bytes_fail_cleanly);
    T(the_description_names_every_field);
    T(no_bytes_are_read_into_nothing);
#undef T
    return g_test_run();
}
