/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Getting at tap devices of the host: the kernel, scripts, the helper. */
#ifndef NET_TAP_OPEN_H
#define NET_TAP_OPEN_H

#include "tandem/base.h"

/*
 * One queue of the tap device @name (IFNAMSIZ bytes; empty: the kernel names
 * it, and writes the name back). *vnet_hdr: with headers before frames; made
 * false where the kernel has none, which is an error when @must. -1 with
 * *errp.
 */
int tap_open_device(char *name, bool *vnet_hdr, bool must, bool multi_queue,
                    Error **errp);
/* Run "@script NAME" and wait. */
bool tap_run_script(const char *script, const char *name, Error **errp);
/*
 * The device that "@helper --use-vnet --fd=N --br=@bridge" sends as an
 * SCM_RIGHTS message over the socket N; a @helper with blanks is a shell's
 * command line. NULL: the one that the distribution has. -1 with *errp.
 */
int tap_open_by_helper(const char *helper, const char *bridge, Error **errp);

#endif
