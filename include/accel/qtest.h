/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The qtest server: a line protocol by which tests read and write guest
 * memory, step the virtual clock and watch interrupt lines. It works with any
 * engine; the clock commands want `-accel qtest`, which has no vCPUs.
 *
 * Spec: QEMU documentation, "QTest Device Emulation Testing Framework", and
 *       the answers of the peer's binary.
 */
#ifndef ACCEL_QTEST_H
#define ACCEL_QTEST_H

#include "softmmu/backend/chardev.h"
#include "softmmu/machine/machine.h"

typedef struct QtestServer QtestServer;

/*
 * qtest_server_new: serve @chr's peer. @log: file for the lines of both
 * sides, "none" or NULL: no log. Main thread, machine lock.
 */
QtestServer *qtest_server_new(Machine *m, Chardev *chr, const char *log,
                              Error **errp);
void qtest_server_free(QtestServer *s);

#endif
