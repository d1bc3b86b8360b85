// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "clock.h"
#include "must.h"
#include "racers.h"

static void *run(void *arg)
{
	struct racer *racer = arg;

	while (!*racer->stop) {
		racer->step(racer);
		racer->steps++;
	}
	return NULL;
}

int racers_run(struct racer *racers, int n, int ms)
{
	atomic_bool stop = false;
	int i, rc = 0;

	for (i = 0; i < n; i++) {
		racers[i].nr = i;
		racers[i].stop = &stop;
		must(-pthread_create(&racers[i].thread, NULL, run, &racers[i]));
	}
	clock_sleep_ms(ms);
	stop = true;
	for (i = 0; i < n; i++) {
		must(-pthread_join(racers[i].thread, NULL));
		if (!rc)
			rc = racers[i].steps ? racers[i].bad : -ETIMEDOUT;
	}
	return rc;
}

int racer_allows(struct racer *racer, int rc, int error, int other)
{
	if (rc < 0 && rc != -error && rc != -other && !racer->bad)
		racer->bad = rc;
	return rc;
}
