/* SPDX-License-Identifier: MIT */
/* phones.c: whose the phones at the Cloud API are.
 *
 *   list ---> listed ---> publish ---> published      phones_publish
 *                  '----> find ---> start(job, call)  phones_find */
#include "job/phones.h"

#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "base/settings.h"
#include "codec/cloud.h"
#include "codec/rqjob.h"
#include "job/job.h"
#include "queue/directory.h"
#include "store/store.h"

struct phones {
	struct flow flow;
	struct job *job;
	struct rqjob_call call;
	void (*start)(
		struct job *job, const struct rqjob_call *call); /* NULL: publish */
	struct store_tenant_list list;
	struct directory_entry *entries;
	size_t count;
	struct redis_cmd cmd;
	bool found; /* as far as it can be: the job's own flow takes over */
};

static flow_step list, listed, publish, published, find;

static struct phones *
of(struct flow *f)
{
	return container_of(f, struct phones, flow);
}

/* --- whose they are -------------------------------------------------------- */

static struct str
phone_of(const struct tenant *t, struct str *setting)
{
	struct str phone = t->meta_phone_number_id;

	if (phone.n > 0 || !str_eqz(t->gateway, "meta"))
		return phone;
	phone = *setting;
	*setting = (struct str){NULL, 0}; /* it is given away */
	return phone;
}

/* A tenant's own phone goes before the setting's. */
size_t
phones_of(struct arena *a, const struct settings *s, const struct tenant *tenants,
	size_t count, struct directory_entry **ret)
{
	struct directory_entry *entries =
		arena_alloc(a, (count + 1) * sizeof(*entries));
	struct str setting = str_of(s->meta_wa_phone_number_id);
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (str_eq(tenants[i].meta_phone_number_id, setting))
			setting = (struct str){NULL, 0};
	for (size_t i = 0; i < count; i++) {
		struct str phone = phone_of(&tenants[i], &setting);

		if (phone.n > 0)
			entries[n++] = (struct directory_entry){.phone = phone,
				.tenant = tenants[i].id,
				.app_secret = tenants[i].meta_app_secret,
				.verify_token = tenants[i].meta_verify_token};
	}
	*ret = entries;
	return n;
}

/* --- the flows -------------------------------------------------------------- */

static int
list(struct flow *f)
{
	struct phones *p = of(f);

	p->list = (struct store_tenant_list){.op.arena = &p->job->arena};
	store_tenant_list(p->job->env->store, &p->list, f);
	return flow_wait(f, listed);
}

static int
listed(struct flow *f)
{
	struct phones *p = of(f);

	if (p->list.op.err < 0)
		return job_fail(p->job, p->list.op.err, "%s", p->list.op.words);
	p->count = phones_of(&p->job->arena, p->job->env->s, p->list.tenants,
		p->list.count, &p->entries);
	if (p->start)
		return flow_goto(f, find);
	return flow_goto(f, publish);
}

static void
on_written(struct redis_cmd *cmd)
{
	flow_wake(&container_of(cmd, struct phones, cmd)->flow);
}

static int
publish(struct flow *f)
{
	struct phones *p = of(f);

	if (!p->job->env->redis)
		return job_fail(p->job, ERR_UNAVAILABLE, "no Redis here");
	directory_write(p->job->env->redis, &p->cmd, &p->job->arena, p->entries,
		p->count, on_written);
	return flow_wait(f, published);
}

static int
published(struct flow *f)
{
	struct phones *p = of(f);

	return p->cmd.err < 0 ? job_fail(p->job, ERR_UNAVAILABLE,
					"Redis does not take the directory of phones")
			      : 0;
}

static int
find(struct flow *f)
{
	struct phones *p = of(f);
	struct str phone = cloud_phone_of(p->job->tenant);

	for (size_t i = 0; i < p->count; i++)
		if (str_eq(p->entries[i].phone, phone)) {
			p->job->tenant = p->entries[i].tenant;
			log_info("phone %s is tenant %s's job_id=%s", log_safe(phone),
				log_safe(p->job->tenant), log_safe(p->job->id));
		}
	p->found = true;
	return 0;
}

static void
done(struct flow *f, int err)
{
	struct phones *p = of(f);

	if (p->found) {
		p->start(p->job, &p->call);
		return;
	}
	p->job->step = f->name;
	job_end(p->job, err);
}

static struct phones *
phones_new(struct job *job)
{
	struct phones *p = ARENA_NEW(&job->arena, struct phones);

	p->job = job;
	flow_init(&p->flow, list, "list", done);
	return p;
}

void
phones_publish(struct job *job, const struct rqjob_call *call)
{
	(void)call;
	flow_wake(&phones_new(job)->flow);
}

bool
phones_wanted(const struct job *job)
{
	return cloud_phone_of(job->tenant).p != NULL;
}

void
phones_find(struct job *job, const struct rqjob_call *call,
	void (*start)(struct job *job, const struct rqjob_call *call))
{
	struct phones *p = phones_new(job);

	p->call = *call;
	p->start = start;
	flow_wake(&p->flow);
}
