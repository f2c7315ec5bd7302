/* store_measure.h - what mytosis bench measures: stores in a folder, graphs, and two peers. */
#ifndef CLI_STORE_MEASURE_H
#define CLI_STORE_MEASURE_H

#include <mytosis/mytosis.h>

#define MEASURES 6

typedef struct cli_measuring {
    const char *folder; /* where stores are made */
    double slice;       /* seconds that one run takes, about; what it does once may take longer */
    mt_graph *graph;    /* what is merged and goes over, and the same with other values. OWNED */
    mt_graph *later;
    uint64_t written[2]; /* nodes in the store of single writes, and in that of batches */
    mt_error err;
} cli_measuring;

typedef struct cli_measure {
    const char *name; /* of the member in JSON */
    const char *what; /* for a person */
    const char *unit;
    mt_status (*run)(cli_measuring *m, double *per_second); /* anything but MT_OK: `err` says why */
} cli_measure;

extern const cli_measure cli_measures[MEASURES];

/* Makes the data. MT_NO_MEMORY. cli_measuring_end accepts what failed. */
mt_status cli_measuring_begin(cli_measuring *m, const char *folder, double slice);
void cli_measuring_end(cli_measuring *m);

#endif
