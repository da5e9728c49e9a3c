/* SPDX-License-Identifier: MIT */
#include "systemd.h"

static const char *const names[] = {SDME_SD_BUS_FUNCTIONS(SDME_LIBRARY_NAME) NULL};

int sdme_sd_bus_load(struct sdme_sd_bus *ret, struct sdme_error *error)
{
    return sdme_library_load(SDME_LIBSYSTEMD, names, ret, error);
}
