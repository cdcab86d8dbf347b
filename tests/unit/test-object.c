/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types, the tree, paths and properties. */
#include "tandem/base.h"

#include "softmmu/object/object.h"

typedef struct Thing {
    Object parent;
    bool flag;
    uint8_t small;
    uint32_t count;
    uint64_t size;
    int64_t delta;
    char *text;
    int colour;
    int tri;
    Object *peer;
    uint8_t mac[6];
    uint8_t uuid[16];
} Thing;

static GString *journal; /* of init and finalize, newest last */

typedef struct ThingType {
    struct ObjectType;
    int (*answer)(void);
} ThingType;

typedef struct TalkType {
    struct ObjectType;
    int (*talk)(void);
} TalkType;

static const TalkType talk_type = { .name = "talk", .parent = &object_type };

static int say_seven(void)
{
    return 7;
}

static int answer_base(void)
{
    return 1;
}

static int answer_leaf(void)
{
    return 2;
}

static const TalkType loud_type = { .name = "loud",
                                    .parent = TYPE(talk_type),
                                    .talk = say_seven };

static const PropertyEnum colours[] = { { "red", 3 }, { "blue", 5 }, { 0 } };

static const ThingType thing_type;
static const Property thing_props[] = {
    PROP(bool, Thing, flag, "flag", "on", "a switch"),
    PROP(u8, Thing, small, "small", NULL, "a byte"),
    { "count", &prop_type_u32, offsetof(Thing, count), "42", "a number", NULL,
      PROP_LIVE },
    PROP(size, Thing, size, "size", "4k", "bytes"),
    PROP(i64, Thing, delta, "delta", "-5", "signed"),
    PROP(str, Thing, text, "text", NULL, "a text"),
    PROP_ARG(enum, Thing, colour, "colour", "blue", "a colour", colours),
    PROP(onoffauto, Thing, tri, "tri", NULL, "three ways"),
    PROP_ARG(link, Thing, peer, "peer", NULL, "another", &thing_type),
    PROP(macaddr, Thing, mac, "mac", NULL, "an address"),
    PROP(uuid, Thing, uuid, "uuid", NULL, "an id"),
    { "fixed", &prop_type_u8, offsetof(Thing, small), NULL, "", NULL,
      PROP_READ_ONLY },
    { 0 },
};

static void thing_init(Object *obj)
{
    g_string_append(journal, "+thing ");
}

static void thing_finalize(Object *obj)
{
    g_string_append(journal, "-thing ");
}

static const ThingType thing_type = {
    .name = "thing",
    .parent = &object_type,
    .size = sizeof(Thing),
    .props = thing_props,
    .init = thing_init,
    .finalize = thing_finalize,
    .answer = answer_base,
};

static void leaf_init(Object *obj)
{
    g_string_append_printf(journal, "+leaf(%u) ", ((Thing *)obj)->count);
}

static void leaf_finalize(Object *obj)
{
    g_string_append(journal, "-leaf ");
}

static const Property leaf_props[] = {
    PROP(u32, Thing, count, "count", "43", "another default"),
    { 0 },
};

static const char *const riscv_only[] = { "riscv64", NULL };
static const char *const arm_only[] = { "aarch64", NULL };
static const char *const leaf_aliases[] = { "blatt", NULL };
static const ObjectType *const leaf_interfaces[] = { TYPE(loud_type), NULL };

static const ThingType leaf_type = {
    .name = "leaf",
    .parent = TYPE(thing_type),
    .props = leaf_props,
    .init = leaf_init,
    .finalize = leaf_finalize,
    .arches = riscv_only,
    .aliases = leaf_aliases,
    .interfaces = leaf_interfaces,
};

static const ThingType arm_leaf_type = {
    .name = "leaf",
    .parent = TYPE(thing_type),
    .arches = arm_only,
    .answer = answer_leaf,
};

static Object *add(Object *parent, const char *name, const void *type)
{
    Object *obj = object_new(type);

    g_assert_true(object_add_child(parent, name, obj, NULL));
    object_unref(obj);
    return obj;
}

/* A call that must fail with the sentence @text. */
#define ASSERT_ERROR(call, text)                                               \
    do {                                                                       \
        g_autoptr(Error) err = NULL;                                           \
        Error **errp = &err;                                                   \
        g_assert_false(call);                                                  \
        g_assert_nonnull(err);                                                 \
        g_assert_cmpstr(error_text(err), ==, text);                            \
    } while (0)

/* --- types --- */

static void a_type_is_its_ancestors_and_interfaces(void)
{
    g_assert_true(type_is_a(TYPE(leaf_type), &leaf_type));
    g_assert_true(type_is_a(TYPE(leaf_type), &thing_type));
    g_assert_true(type_is_a(TYPE(leaf_type), &object_type));
    g_assert_true(type_is_a(TYPE(leaf_type), &talk_type));
    g_assert_false(type_is_a(TYPE(thing_type), &leaf_type));
    g_assert_false(type_is_a(TYPE(thing_type), &talk_type));
}

static void a_method_is_inherited_until_overridden(void)
{
    int (*answer)(void) =
        TYPE_METHOD(TYPE(leaf_type), thing_type, ThingType, answer);
    const TalkType *talk = type_interface(TYPE(leaf_type), &talk_type);

    g_assert_cmpint(answer(), ==, 1);
    answer = TYPE_METHOD(TYPE(arm_leaf_type), thing_type, ThingType, answer);
    g_assert_cmpint(answer(), ==, 2);
    g_assert_cmpint(talk->talk(), ==, 7);
}

static void casts_refuse_other_types(void)
{
    g_autoptr(Object) obj = object_new(&thing_type);

    g_assert_true(object_cast(obj, &thing_type) == obj);
    g_assert_null(object_try_cast(obj, &leaf_type));
    g_assert_null(object_cast(NULL, &leaf_type));
}

static void a_view_shows_one_architecture(void)
{
    static const ObjectType *const list[] = { TYPE(leaf_type),
                                              TYPE(arm_leaf_type), NULL };
    static const ObjectType *const *const lists[] = { list, object_types,
                                                      NULL };
    TypeRegistry *reg = type_registry_new(lists);
    TypeView rv = { reg, "riscv64" }, arm = { reg, "aarch64" };
    g_autoptr(GPtrArray) all = type_list(rv, &object_type, false);

    g_assert_true(type_find(rv, "leaf") == TYPE(leaf_type));
    g_assert_true(type_find(arm, "leaf") == TYPE(arm_leaf_type));
    g_assert_true(type_find(rv, "blatt") == TYPE(leaf_type));
    g_assert_null(type_find(arm, "blatt"));
    g_assert_null(type_find(rv, "nosuch"));
    /* a base that no list names is there too */
    g_assert_true(type_find(rv, "thing") == TYPE(thing_type));
    g_assert_cmpuint(all->len, ==, 2);
    g_assert_true(all->pdata[0] == &leaf_type);
    type_registry_free(reg);
}

/* --- life --- */

static void init_runs_base_first_after_defaults_finalize_the_other_way(void)
{
    Object *obj;

    g_string_truncate(journal, 0);
    obj = object_new(&leaf_type);
    g_assert_cmpstr(journal->str, ==, "+thing +leaf(43) ");
    object_ref(obj);
    object_unref(obj);
    g_assert_cmpstr(journal->str, ==, "+thing +leaf(43) ");
    object_unref(obj);
    g_assert_cmpstr(journal->str, ==, "+thing +leaf(43) -leaf -thing ");
}

static void a_parent_takes_its_children_along(void)
{
    Object *root = object_new(&thing_type);
    Object *held;

    add(root, "a", &leaf_type);
    held = object_ref(add(root, "b", &leaf_type));
    g_string_truncate(journal, 0);
    object_unref(root);
    g_assert_cmpstr(journal->str, ==, "-thing -leaf -thing ");
    g_assert_null(held->parent);
    object_unref(held);
}

static void an_inline_object_lives_in_its_owner(void)
{
    typedef struct Pair {
        Thing first, second;
    } Pair;
    static const ThingType pair_type = { .name = "pair",
                                         .parent = TYPE(thing_type),
                                         .size = sizeof(Pair) };
    Pair *p = (Pair *)object_new(&pair_type);

    object_init_inline(&p->second, &leaf_type);
    g_assert_true(object_add_child(p, "second", &p->second, NULL));
    object_unref(&p->second);
    g_assert_cmpuint(p->second.count, ==, 43);
    g_string_truncate(journal, 0);
    object_unref(p);
    g_assert_cmpstr(journal->str, ==, "-thing -leaf -thing ");
}

/* --- tree --- */

static void names_are_unique_valid_and_numbered(void)
{
    g_autoptr(Object) root = object_new(&thing_type);
    g_autoptr(Object) extra = object_new(&thing_type);
    Object *zero = add(root, "dev[*]", &thing_type);
    Object *one = add(root, "dev[*]", &thing_type);

    g_assert_cmpstr(zero->name, ==, "dev[0]");
    g_assert_cmpstr(one->name, ==, "dev[1]");
    object_unparent(zero);
    g_assert_cmpstr(add(root, "dev[*]", &thing_type)->name, ==, "dev[0]");
    ASSERT_ERROR(object_add_child(root, "dev[1]", extra, errp),
                 "attempt to add duplicate property 'dev[1]' to object "
                 "(type 'thing')");
    ASSERT_ERROR(object_add_child(root, "1x", extra, errp),
                 "'1x' is not a valid name of an object");
    ASSERT_ERROR(object_add_child(root, "a/b", extra, errp),
                 "'a/b' is not a valid name of an object");
}

static void paths_lead_back(void)
{
    g_autoptr(Object) root = object_new(&thing_type);
    Object *m = add(root, "machine", &thing_type);
    Object *x = add(add(m, "peripheral", &thing_type), "x", &thing_type);
    g_autofree char *path = object_path(x);
    g_autofree char *top = object_path(root);

    g_assert_cmpstr(path, ==, "/machine/peripheral/x");
    g_assert_cmpstr(top, ==, "/");
    g_assert_true(object_resolve(root, path, NULL) == x);
    g_assert_true(object_resolve(root, "/", NULL) == root);
    g_assert_null(object_resolve(root, "/machine/x", NULL));
    g_assert_true(object_root(x) == root);
}

static void a_partial_path_must_be_unique(void)
{
    g_autoptr(Object) root = object_new(&thing_type);
    Object *a = add(root, "a", &thing_type);
    Object *b = add(root, "b", &thing_type);
    Object *ax = add(a, "x", &thing_type);
    Object *bx = add(b, "x", &leaf_type);
    bool ambiguous;

    g_assert_null(object_resolve(root, "x", &ambiguous));
    g_assert_true(ambiguous);
    g_assert_true(object_resolve(root, "a/x", &ambiguous) == ax);
    g_assert_false(ambiguous);
    g_assert_true(object_resolve_type(root, "x", &leaf_type, &ambiguous) == bx);
    g_assert_false(ambiguous);
    g_assert_null(object_resolve(root, "y", &ambiguous));
    g_assert_false(ambiguous);
    g_assert_null(object_resolve(root, "", &ambiguous));
}

static void an_absolute_path_passes_through_links(void)
{
    g_autoptr(Object) root = object_new(&thing_type);
    Object *a = add(root, "a", &thing_type);
    Object *b = add(root, "b", &thing_type);
    Object *c = add(b, "c", &thing_type);

    object_set_link(a, "peer", b);
    g_assert_true(object_resolve(root, "/a/peer/c", NULL) == c);
}

static int count_to_two(Object *obj, void *opaque)
{
    return ++*(int *)opaque == 2 ? 99 : 0;
}

static void a_walk_stops_when_told(void)
{
    g_autoptr(Object) root = object_new(&thing_type);
    int seen = 0;

    add(add(root, "a", &thing_type), "b", &thing_type);
    add(root, "c", &thing_type);
    g_assert_cmpint(object_walk(root, count_to_two, &seen), ==, 99);
    g_assert_cmpint(seen, ==, 2);
}

/* --- properties --- */

static void text_is_read_in_each_kinds_own_way(void)
{
    g_autoptr(Object) obj = object_new(&thing_type);
    Thing *t = (Thing *)obj;
    static const struct {
        const char *name, *text;
    } good[] = {
        { "flag", "off" },
        { "small", "0xff" },
        { "count", "7" },
        { "size", "1.5G" },
        { "delta", "-0x10" },
        { "text", "hello" },
        { "colour", "red" },
        { "tri", "off" },
        { "mac", "52:54:00:12:34:56" },
        { "uuid", "00112233-4455-6677-8899-aabbccddeeff" },
    };

    g_assert_true(t->flag);
    g_assert_cmpuint(t->count, ==, 42);
    g_assert_cmpuint(t->size, ==, 4096);
    g_assert_cmpint(t->delta, ==, -5);
    g_assert_cmpint(t->colour, ==, 5);
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        g_assert_true(object_set_text(obj, good[i].name, good[i].text, NULL));
    }
    g_assert_false(t->flag);
    g_assert_cmpuint(t->small, ==, 255);
    g_assert_cmpuint(t->count, ==, 7);
    g_assert_cmpuint(t->size, ==, UINT64_C(1610612736));
    g_assert_cmpint(t->delta, ==, -16);
    g_assert_cmpstr(t->text, ==, "hello");
    g_assert_cmpint(t->colour, ==, 3);
    g_assert_cmpint(t->tri, ==, ON_OFF_AUTO_OFF);
    g_assert_cmpuint(t->mac[0], ==, 0x52);
    g_assert_cmpuint(t->mac[5], ==, 0x56);
    g_assert_cmpuint(t->uuid[15], ==, 0xff);
}

static void wrong_text_is_refused_in_words(void)
{
    g_autoptr(Object) obj = object_new(&thing_type);
    static const struct {
        const char *name, *text, *error;
    } bad[] = {
        { "flag", "maybe", "Parameter 'flag' expects 'on' or 'off'" },
        { "small", "256", "Parameter 'small' expects uint8_t" },
        { "small", "-1", "Parameter 'small' expects uint8_t" },
        { "small", "abc", "Parameter 'small' expects integer" },
        { "small", "", "Parameter 'small' expects integer" },
        { "small", " 1", "Parameter 'small' expects integer" },
        { "small", "1x", "Parameter 'small' expects integer" },
        { "size", "4q", "Parameter 'size' expects a size value" },
        { "size", "-1", "Parameter 'size' expects a size value" },
        { "size", "16E", "Parameter 'size' expects a size value" },
        { "size", "1.5", "Parameter 'size' expects a size value" },
        { "delta", "9223372036854775808", "Parameter 'delta' expects int64_t" },
        { "colour", "green",
          "Parameter 'colour' does not accept value 'green'" },
        { "mac", "12", "Property 'thing.mac' doesn't take value '12'" },
        { "uuid", "x", "Property 'thing.uuid' doesn't take value 'x'" },
        { "peer", "nope", "Device 'nope' not found" },
        { "fixed", "1", "Property 'thing.fixed' is not writable" },
        { "type", "1", "Property 'thing.type' is not writable" },
        { "nosuch", "1", "Property 'thing.nosuch' not found" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ASSERT_ERROR(object_set_text(obj, bad[i].name, bad[i].text, errp),
                     bad[i].error);
    }
}

static bool set_json(Object *obj, const char *name, const char *json,
                     Error **errp)
{
    json_object *value = json_tokener_parse(json);
    bool ok = object_set(obj, name, value, errp);

    json_object_put(value);
    return ok;
}

static void json_keeps_its_types(void)
{
    g_autoptr(Object) obj = object_new(&thing_type);
    Thing *t = (Thing *)obj;

    g_assert_true(set_json(obj, "flag", "false", NULL));
    g_assert_true(set_json(obj, "size", "18446744073709551615", NULL));
    g_assert_true(set_json(obj, "delta", "-9223372036854775808", NULL));
    g_assert_false(t->flag);
    g_assert_cmpuint(t->size, ==, UINT64_MAX);
    g_assert_cmpint(t->delta, ==, INT64_MIN);
    ASSERT_ERROR(set_json(obj, "flag", "1", errp),
                 "Invalid parameter type for 'flag', expected: boolean");
    ASSERT_ERROR(set_json(obj, "count", "true", errp),
                 "Invalid parameter type for 'count', expected: integer");
    ASSERT_ERROR(set_json(obj, "count", "1.5", errp),
                 "Invalid parameter type for 'count', expected: integer");
    ASSERT_ERROR(set_json(obj, "count", "-1", errp),
                 "Parameter 'count' expects uint32_t");
    ASSERT_ERROR(set_json(obj, "delta", "9223372036854775808", errp),
                 "Parameter 'delta' expects int64_t");
    ASSERT_ERROR(set_json(obj, "text", "{}", errp),
                 "Invalid parameter type for 'text', expected: string");
    g_assert_true(set_json(obj, "peer", "null", NULL));
}

static void assert_get(Object *obj, const char *name, const char *json)
{
    json_object *value = object_get(obj, name, NULL);

    g_assert_cmpstr(json_object_to_json_string_ext(value, 0), ==, json);
    json_object_put(value);
}

static void reading_gives_what_was_set(void)
{
    g_autoptr(Object) root = object_new(&thing_type);
    Object *obj = add(root, "x", &thing_type);

    assert_get(obj, "flag", "true");
    assert_get(obj, "count", "42");
    assert_get(obj, "delta", "-5");
    assert_get(obj, "colour", "\"blue\"");
    assert_get(obj, "tri", "\"auto\"");
    assert_get(obj, "text", "\"\"");
    assert_get(obj, "mac", "\"00:00:00:00:00:00\"");
    assert_get(obj, "uuid", "\"00000000-0000-0000-0000-000000000000\"");
    assert_get(obj, "type", "\"thing\"");
    assert_get(root, "x", "\"\\/x\"");
    ASSERT_ERROR(object_get(obj, "y", errp), "Property 'thing.y' not found");
}

static void a_close_name_is_suggested(void)
{
    g_autoptr(Object) obj = object_new(&thing_type);
    g_autoptr(Error) err = NULL;

    g_assert_false(object_set_text(obj, "cuont", "1", &err));
    g_assert_cmpstr(error_hints(err), ==, "did you mean 'count'?\n");
}

static void links_hold_a_reference_and_check_the_type(void)
{
    g_autoptr(Object) root = object_new(&thing_type);
    Object *a = add(root, "a", &thing_type);
    Object *b = add(root, "b", &leaf_type);
    Object *other = object_new(&loud_type);
    Thing *t = (Thing *)a;

    g_assert_true(object_set_text(a, "peer", "b", NULL));
    g_assert_true(t->peer == b);
    g_assert_cmpuint(b->refs, ==, 2);
    assert_get(a, "peer", "\"\\/b\"");
    g_assert_true(object_set_text(a, "peer", "", NULL));
    g_assert_null(t->peer);
    g_assert_cmpuint(b->refs, ==, 1);
    g_assert_true(object_add_child(root, "o", other, NULL));
    object_unref(other);
    ASSERT_ERROR(object_set_text(a, "peer", "/o", errp),
                 "Invalid parameter type for 'peer', expected: thing");
}

static void sealed_objects_keep_all_but_live_properties(void)
{
    g_autoptr(Object) root = object_new(&thing_type);
    Object *obj = add(root, "n0", &thing_type);

    object_seal(obj, true);
    g_assert_true(object_set_text(obj, "count", "9", NULL));
    ASSERT_ERROR(object_set_text(obj, "flag", "off", errp),
                 "Attempt to set property 'flag' on device 'n0' (type "
                 "'thing') after it was realized");
}

static void an_alias_is_its_target(void)
{
    g_autoptr(Object) root = object_new(&thing_type);
    Object *obj = add(root, "x", &thing_type);
    char *name;

    object_add_alias(root, "inner-size", obj, "size");
    object_add_alias(root, "inner-peer", obj, "peer");
    g_assert_true(object_set_text(root, "inner-size", "2M", NULL));
    g_assert_cmpuint(((Thing *)obj)->size, ==, 2097152);
    assert_get(root, "inner-size", "2097152");
    object_set_link(root, "inner-peer", obj);
    g_assert_true(((Thing *)obj)->peer == obj);
    name = property_type_name(object_find_property(root, "inner-peer"));
    g_assert_cmpstr(name, ==, "link<thing>");
    g_free(name);
    ASSERT_ERROR(object_set_text(root, "inner-size", "x", errp),
                 "Parameter 'size' expects a size value");
    object_set_link(root, "inner-peer", NULL);
}

static void an_instance_may_have_its_own_property(void)
{
    g_autoptr(Object) a = object_new(&thing_type);
    g_autoptr(Object) b = object_new(&thing_type);
    const Property own = PROP(u64, Thing, size, "own", "77", "mine");

    object_add_property(a, &own);
    g_assert_cmpuint(((Thing *)a)->size, ==, 77);
    assert_get(a, "own", "77");
    g_assert_null(object_find_property(b, "own"));
}

static void list_name(const Property *prop, void *opaque)
{
    g_string_append_printf(opaque, "%s ", prop->name);
}

static void each_property_is_listed_once(void)
{
    g_autoptr(GString) names = g_string_new(NULL);

    type_each_property(TYPE(leaf_type), list_name, names);
    g_assert_cmpstr(names->str, ==,
                    "flag small size delta text colour tri peer mac uuid "
                    "fixed count ");
}

static void set_all_skips_what_it_is_told(void)
{
    static const char *const skip[] = { "qom-type", NULL };
    g_autoptr(Object) obj = object_new(&thing_type);
    json_object *props = json_tokener_parse(
        "{\"qom-type\": \"x\", \"count\": 5, \"nosuch\": 1}");

    ASSERT_ERROR(object_set_all(obj, props, skip, errp),
                 "Property 'thing.nosuch' not found");
    g_assert_cmpuint(((Thing *)obj)->count, ==, 5);
    json_object_put(props);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    journal = g_string_new(NULL);
#define T(f) g_test_add_func("/object/" #f, f)
    T(a_type_is_its_ancestors_and_interfaces);
    T(a_method_is_inherited_until_overridden);
    T(casts_refuse_other_types);
    T(a_view_shows_one_architecture);
    T(init_runs_base_first_after_defaults_finalize_the_other_way);
    T(a_parent_takes_its_children_along);
    T(an_inline_object_lives_in_its_owner);
    T(names_are_unique_valid_and_numbered);
    T(paths_lead_back);
    T(a_partial_path_must_be_unique);
    T(an_absolute_path_passes_through_links);
    T(a_walk_stops_when_told);
    T(text_is_read_in_each_kinds_own_way);
    T(wrong_text_is_refused_in_words);
    T(json_keeps_its_types);
    T(reading_gives_what_was_set);
    T(a_close_name_is_suggested);
    T(links_hold_a_reference_and_check_the_type);
    T(sealed_objects_keep_all_but_live_properties);
    T(an_alias_is_its_target);
    T(an_instance_may_have_its_own_property);
    T(each_property_is_listed_once);
    T(set_all_skips_what_it_is_told);
#undef T
    status = g_test_run();
    g_string_free(journal, TRUE);
    return status;
}
