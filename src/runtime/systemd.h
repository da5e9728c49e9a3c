/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_SYSTEMD_H
#define SDME_RUNTIME_SYSTEMD_H

#include <systemd/sd-bus.h>

#include "library.h"

/* What we call in libsystemd for D-Bus. With its own libraries it takes as long to load as sdme. */
#define SDME_SD_BUS_FUNCTIONS(X)                                                                   \
    X(sd_bus_add_match_async)                                                                      \
    X(sd_bus_call_async)                                                                           \
    X(sd_bus_close)                                                                                \
    X(sd_bus_close_unref)                                                                          \
    X(sd_bus_error_get_errno)                                                                      \
    X(sd_bus_get_events)                                                                           \
    X(sd_bus_get_fd)                                                                               \
    X(sd_bus_get_timeout)                                                                          \
    X(sd_bus_get_unique_name)                                                                      \
    X(sd_bus_is_open)                                                                              \
    X(sd_bus_is_ready)                                                                             \
    X(sd_bus_message_append_array)                                                                 \
    X(sd_bus_message_append_basic)                                                                 \
    X(sd_bus_message_at_end)                                                                       \
    X(sd_bus_message_close_container)                                                              \
    X(sd_bus_message_enter_container)                                                              \
    X(sd_bus_message_exit_container)                                                               \
    X(sd_bus_message_get_destination)                                                              \
    X(sd_bus_message_get_error)                                                                    \
    X(sd_bus_message_get_interface)                                                                \
    X(sd_bus_message_get_member)                                                                   \
    X(sd_bus_message_get_path)                                                                     \
    X(sd_bus_message_get_sender)                                                                   \
    X(sd_bus_message_new_method_call)                                                              \
    X(sd_bus_message_new_signal)                                                                   \
    X(sd_bus_message_open_container)                                                               \
    X(sd_bus_message_peek_type)                                                                    \
    X(sd_bus_message_read_array)                                                                   \
    X(sd_bus_message_read_basic)                                                                   \
    X(sd_bus_message_ref)                                                                          \
    X(sd_bus_message_rewind)                                                                       \
    X(sd_bus_message_unref)                                                                        \
    X(sd_bus_negotiate_fds)                                                                        \
    X(sd_bus_new)                                                                                  \
    X(sd_bus_open_system)                                                                          \
    X(sd_bus_open_system_machine)                                                                  \
    X(sd_bus_process)                                                                              \
    X(sd_bus_send)                                                                                 \
    X(sd_bus_set_address)                                                                          \
    X(sd_bus_set_bus_client)                                                                       \
    X(sd_bus_slot_unref)                                                                           \
    X(sd_bus_start)                                                                                \
    X(sd_bus_unref)

struct sdme_sd_bus {
    SDME_SD_BUS_FUNCTIONS(SDME_LIBRARY_MEMBER)
};

/* The soname of libsystemd, for sdme_library_load(). */
#define SDME_LIBSYSTEMD "libsystemd.so.0"

/* Loads libsystemd; fails as sdme_library_load() does. */
int sdme_sd_bus_load(struct sdme_sd_bus *ret, struct sdme_error *error);

#endif
