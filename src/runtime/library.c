/* SPDX-License-Identifier: MIT */
#include "library.h"

#include <dlfcn.h>
#include <string.h>

int sdme_library_load(const char *library, const char *const *names, void *ret_functions,
                      struct sdme_error *error)
{
    /* NODELETE: some have exit handlers or threads, so that their code has to stay. */
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle)
        return sdme_fail_as(error, SDME_EUNSUPPORTED, "a library can't be loaded: %s", dlerror());

    for (size_t i = 0; names[i]; i++)
        if (!dlsym(handle, names[i]))
            return sdme_fail_as(error, SDME_EUNSUPPORTED, "%s has no %s", library, names[i]);
    for (size_t i = 0; names[i]; i++) {
        void *address = dlsym(handle, names[i]);

        memcpy((char *) ret_functions + i * sizeof address, &address, sizeof address);
    }
    return 0;
}
