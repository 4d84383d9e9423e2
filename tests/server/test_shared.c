/* Several clients of one daemon (crowd.h), which storm while others come and go, and while some
 * speak no protocol at all. Who stays notices nothing: everything asked is answered once. In the
 * end the daemon goes by itself and leaves nothing behind.
 *
 *   test_shared SERVER MODEL MESSAGES [KILOBYTES]     with KILOBYTES, its memory may grow by no
 *                                                     more after the first quarter */
#include "tests/scratch/scratch.h"
#include "tests/server/crowd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static struct crowd crowd;
static char options[512];

static void step(uint64_t *state)
{
    struct crowd_place *place = &crowd.places[storm_below(state, CROWD_PLACES)];
    if (!place->there) {
        crowd_come(&crowd, place, storm_below(state, 2));
    } else if (place->client.n_ids > CLIENT_MAX_IDS - 64 || storm_below(state, 600) == 0) {
        crowd_leave(&crowd, place);
    } else if (storm_below(state, 900) == 0) {
        crowd_vanish(&crowd, place, storm_below(state, 3));
    } else if (storm_below(state, 300) == 0) {
        crowd_vandalise(&crowd, state);
    } else {
        storm_send(&place->storm, state);
        if (storm_below(state, 10) == 0) storm_drain(&place->storm, (int)storm_below(state, 8));
    }
}

static void check_second_daemon(void)
{
    char *argv[] = {(char *)crowd.server, "serve", "--shared", "--socket", crowd.socket, NULL};
    static struct client second;
    client_start(&second, "a second daemon", argv);
    crowd_check(&crowd, client_finish(&second) == 2,
                "a second daemon at the same place is refused");
}

/* One more daemon, which is killed under its client. */
static void check_killed(void)
{
    struct crowd_place *place = &crowd.places[0];
    crowd_come(&crowd, place, true);
    crowd.daemon = crowd_daemon(&crowd);
    crowd_check(&crowd, crowd.daemon > 0 && kill(crowd.daemon, SIGKILL) == 0, "kill the daemon");
    crowd_check(&crowd, client_finish(&place->client) == 2, "a client whose daemon died says so");
    /* What it left is no obstacle. */
    crowd_come(&crowd, place, true);
    crowd_leave(&crowd, place);
    crowd.daemon = crowd_daemon(&crowd);
    kill(crowd.daemon, SIGTERM);
    crowd_check_gone(&crowd);
}

int main(int argc, char **argv)
{
    uint64_t state = 11;
    if (argc < 4) return 2;
    unsigned messages = (unsigned)atoi(argv[3]);
    long allowed = argc > 4 ? atol(argv[4]) : 0, before = 0;
    snprintf(options, sizeof options, "{\"model\":\"%s\",\"cache\":{\"onDisk\":false}}", argv[2]);
    crowd_open(&crowd, argv[1], options);
    check_second_daemon();
    for (unsigned i = 0; i < messages; i++) {
        step(&state);
        if (i == messages / 4) before = crowd_number(&crowd, "VmRSS:");
    }
    crowd_check(&crowd, kill(crowd.daemon, 0) == 0 && crowd_daemon(&crowd) == crowd.daemon,
                "it is still the same daemon");
    long after = crowd_number(&crowd, "VmRSS:");
    for (int i = 0; i < CROWD_PLACES; i++)
        if (crowd.places[i].there) crowd_leave(&crowd, &crowd.places[i]);
    crowd_check_gone(&crowd);
    printf("%u messages, %u sessions ended in order, %u not, %u vandals; %ld kB, then %ld kB\n",
           messages, crowd.orderly, crowd.abrupt, crowd.vandals, before, after);
    crowd_check(&crowd, allowed == 0 || after - before <= allowed, "its memory stays as it is");
    check_killed();
    scratch_remove(crowd.folder);
    return 0;
}
