/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What object.c and property.c share. */
#ifndef SOFTMMU_OBJECT_INTERNAL_H
#define SOFTMMU_OBJECT_INTERNAL_H

#include "softmmu/object/object.h"

/* At creation, before init hooks: defaults of the type's properties. */
void property_set_defaults(Object *obj);
/* At finalize: release values, free the instance's own properties. */
void property_release_all(Object *obj);
/* Where the link @name of @obj points; NULL: no link, or an empty one. */
Object *property_link_target(const Object *obj, const char *name);
/* Check @target against the link's type, then replace the link. */
bool property_link_set(Object *obj, const Property *prop, Object *target,
                       Error **errp);

#endif
