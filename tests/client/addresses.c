// A name with two addresses, 127.0.0.1 before 127.0.0.2, for a program that this library is loaded into.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    lookup *system = (lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (!name || strcmp(name, "twohomes.test"))
        return system(name, service, hints, found);
    int failed = system("127.0.0.1", service, hints, found);
    if (failed)
        return failed;
    struct addrinfo *last = *found;
    while (last->ai_next)
        last = last->ai_next;
    return system("127.0.0.2", service, hints, &last->ai_next);
}
