/* SPDX-License-Identifier: MIT */
/* looks.h: the functions of the table in checks.c, by the file they are in. */
#ifndef DOCTOR_LOOKS_H
#define DOCTOR_LOOKS_H

#include "doctor/doctor.h"

/* redis.c */
check_look look_redis, look_redis_version, look_redis_role, look_redis_policy,
	look_redis_aof, look_redis_writes, look_redis_memory, look_redis_clock;
check_fix fix_redis_policy, fix_redis_aof;

/* workers.c, jobs.c */
check_look look_worker, look_worker_queues, look_worker_version, look_worker_foreign,
	look_worker_gone, look_suspended, look_scheduler, look_scheduler_foreign,
	look_leader_endless, look_jobs_held, look_jobs_stuck, look_jobs_waiting;
check_fix fix_worker_gone, fix_leader_endless, fix_jobs_stuck;

/* keys.c: locks and dead letters */
check_look look_locks, look_dead_letters;
check_fix fix_locks;

/* door.c: the api; gateways.c; paid.c: whom we pay */
check_look look_api, look_api_redis, look_webhook;
check_look look_gateway, look_gateway_durable, look_sessions;
check_look look_ai, look_cloud;

/* database.c */
check_look look_database, look_database_writable, look_database_sound, look_duplicates,
	look_tenants, look_secrets_key;
check_fix fix_database;

/* host.c: this machine and its settings */
check_look look_disk, look_files, look_secret, look_settings;

/* work_has: is this the name of a registered worker of the Redis looked at; work_count:
 * how many there are. */
bool work_has(const struct doctor *d, struct str worker);
size_t work_count(const struct doctor *d);

/* work_waiting: how many jobs wait in queues of ours but OWN_QUEUE, the oldest for how
 * long. */
void work_waiting(const struct doctor *d, int64_t *ret, int64_t *ret_oldest_s);

#endif
