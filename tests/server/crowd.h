/* crowd.h: clients of one daemon that come and go.
 *
 * Some have a process that hands over its streams, some connect to the socket themselves. They
 * leave in order, by a signal, in the middle of a message or with rubbish; others speak no protocol
 * at all. What is wrong ends the test program with a message, and the daemon with it.
 */
#ifndef ESPALIER_TESTS_SERVER_CROWD_H
#define ESPALIER_TESTS_SERVER_CROWD_H

#include "tests/server/storm.h"

#define CROWD_PLACES 4

/* One of those that come and go. */
struct crowd_place {
    struct client client;
    struct storm storm;
    bool there;
};

struct crowd {
    const char *server, *options; /* the program; JSON, the initializationOptions; borrowed */
    struct crowd_place places[CROWD_PLACES];
    char folder[32], socket[100], lock[108], log[108]; /* of the daemon */
    pid_t daemon;
    unsigned orderly, abrupt, vandals; /* how many went how */
};

/* Makes a folder for the daemon's socket and files, which this process and its children then use
 * for all that they keep, lets the first client come, which starts the daemon, and finds it. Large:
 * static, or on the heap. */
void crowd_open(struct crowd *crowd, const char *server, const char *options);

void crowd_check(const struct crowd *crowd, bool ok, const char *what);

/* front: with a process of its own. */
void crowd_come(struct crowd *crowd, struct crowd_place *place, bool front);
void crowd_leave(struct crowd *crowd, struct crowd_place *place);
/* how: 0 killed, 1 with half a message, 2 with another protocol. */
void crowd_vanish(struct crowd *crowd, struct crowd_place *place, unsigned how);
void crowd_vandalise(struct crowd *crowd, uint64_t *state);

/* The daemon's process as its lock says, 0 for none; and a number of its /proc/PID/status by name,
 * such as "VmRSS:" (kB) or "Threads:". */
pid_t crowd_daemon(const struct crowd *crowd);
long crowd_number(const struct crowd *crowd, const char *name);

/* Waits for the daemon's end after its last client's, and looks for what it should not leave
 * behind: socket, lock, reports of a sanitizer in its log. */
void crowd_check_gone(const struct crowd *crowd);

#endif
