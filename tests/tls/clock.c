/* Loaded before a program's libraries: its calendar says the second day of 1970, as a device's does after a loss of
 * power. Its other clocks stay as they are. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) {
        time->tv_sec = 24 * 60 * 60 + time->tv_sec % 3600;
    }
    return result;
}
