/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets: $DATA#SUM with acknowledgement, 0x7d escapes (GDB manual, E.1). */
#include "tandem/base.h"

#include "internal.h"

enum { ESCAPE = 0x7d, INTERRUPT = 0x03 };

void gdb_hex(GString *out, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        g_string_append_printf(out, "%02x", data[i]);
    }
}

bool gdb_unhex(const char *text, size_t len, GByteArray *out)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        int hi = g_ascii_xdigit_value(text[i]);
        int lo = g_ascii_xdigit_value(text[i + 1]);
        uint8_t byte = hi << 4 | lo;

        if (hi < 0 || lo < 0) {
            return false;
        }
        g_byte_array_append(out, &byte, 1);
    }
    return len % 2 == 0;
}

void gdb_send_bytes(GdbServer *g, const char *data, size_t len)
{
    GString *out = g_string_new("$");
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        char c = data[i];

        if (strchr("$#}*", c) && c) { /* in binary replies alone */
            g_string_append_c(out, ESCAPE);
            sum += ESCAPE;
            c ^= 0x20;
        }
        g_string_append_c(out, c);
        sum += (uint8_t)c;
    }
    g_string_append_printf(out, "#%02x", sum);
    g_free(g->last);
    g->last = g_string_free(out, FALSE);
    char_write_all(&g->fe, g->last, strlen(g->last));
}

void gdb_send(GdbServer *g, const char *text)
{
    gdb_send_bytes(g, text, strlen(text));
}

/* Take what has been received as one packet. */
static void finish(GdbServer *g)
{
    bool good = g->sum == g->claimed;
    g_autofree char *packet = NULL;
    size_t len = g->in->len;

    g->rx = RX_IDLE;
    if (!g->no_ack) {
        char_write_all(&g->fe, good ? "+" : "-", 1);
    }
    if (!good) {
        return;
    }
    packet = g_memdup2(g->in->str, len + 1);
    gdb_packet(g, packet, len);
}

static void idle_byte(GdbServer *g, uint8_t byte)
{
    if (byte == '$') {
        g->rx = RX_DATA;
        g->sum = 0;
        g_string_truncate(g->in, 0);
    } else if (byte == INTERRUPT) {
        gdb_interrupt(g);
    } else if (byte == '-' && g->last && !g->no_ack) {
        char_write_all(&g->fe, g->last, strlen(g->last));
    }
}

static void data_byte(GdbServer *g, uint8_t byte)
{
    if (byte == '#') {
        g->rx = RX_SUM1;
        return;
    }
    if (byte == '$') { /* the packet before was cut off */
        idle_byte(g, byte);
        return;
    }
    if (g->in->len >= GDB_PACKET_MAX) {
        g->rx = RX_IDLE;
        return;
    }
    g->sum += byte;
    if (byte == ESCAPE) {
        g->rx = RX_ESCAPE;
    } else {
        g_string_append_c(g->in, byte);
    }
}

static void one_byte(GdbServer *g, uint8_t byte)
{
    switch (g->rx) {
    case RX_IDLE:
        idle_byte(g, byte);
        break;
    case RX_DATA:
        data_byte(g, byte);
        break;
    case RX_ESCAPE:
        g->sum += byte;
        g_string_append_c(g->in, byte ^ 0x20);
        g->rx = RX_DATA;
        break;
    case RX_SUM1:
        g->claimed = g_ascii_xdigit_value(byte) << 4;
        g->rx = RX_SUM2;
        break;
    case RX_SUM2:
        g->claimed |= g_ascii_xdigit_value(byte) & 0xf;
        finish(g);
        break;
    }
}

void gdb_receive(GdbServer *g, const uint8_t *data, int len)
{
    for (int i = 0; i < len; i++) {
        one_byte(g, data[i]);
    }
}
