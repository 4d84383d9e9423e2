/* Requests faster than any person, to a server with one client. Each is answered once, with a
 * result or with -32800, and the server is well afterwards.
 *
 *   test_storm STUB-SERVER [MESSAGES] */
#include "tests/server/storm.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    static struct client client;
    struct storm storm;
    uint64_t state = 20;
    unsigned messages = argc > 2 ? (unsigned)atoi(argv[2]) : 4000;
    if (argc < 2) return 2;
    char *server[] = {argv[1], "--model", "stub", NULL};
    client_start(&client, "storm", server);
    storm_begin(&storm, &client, "{}");
    for (unsigned i = 0; i < messages; i++) {
        storm_send(&storm, &state);
        if (storm_below(&state, 20) == 0) storm_drain(&storm, (int)storm_below(&state, 8));
    }
    storm_end(&storm);
    printf("%u requests: %zu results, %zu cancelled or superseded\n", storm.id, storm.results,
           storm.errors);
    return client_finish(&client);
}
