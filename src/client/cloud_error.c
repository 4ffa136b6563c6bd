/* SPDX-License-Identifier: MIT */
/* cloud_error.c: the table of the Cloud API's error codes.
 *
 * Source: developers.facebook.com/documentation/business-messaging/whatsapp/support/
 * error-codes (June 2026); 470 is the on-premises API's word for 131047.
 *
 *   what it is about           error          the breaker      the job
 *   this message               REFUSED        lives            fails, with its reason
 *   the 24-hour window         WINDOW         lives            template, or held
 *   this customer, too fast    THROTTLED      lives            waits
 *   the number, too fast       THROTTLED      rests            waits, with the others
 *   token, account, payment    DENIED         rests, denied    waits until it is mended
 *   Meta's own trouble         REMOTE         failed           is retried
 *
 * Times without Retry-After: one customer may get a message each 6 s in the long run
 * (131056); a number recovers within the second (130429); the hourly limits of an app
 * or account (4, 80007) are looked at each minute. */
#include "client/cloud_error.h"

#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"

#define ALIVE  BREAKER_OK
#define FAILED BREAKER_FAILED
#define DENIED BREAKER_DENIED

/* clang-format off */
static const struct cloud_error rows[] = {
	{0, 0, ERR_DENIED, DENIED, 0, "token not accepted: make a new one, set meta_access_token"},
	{1, 2, ERR_REMOTE, FAILED, 0, "Meta's API has trouble: see metastatus.com"},
	{3, 3, ERR_DENIED, DENIED, 0, "token without permission: it needs whatsapp_business_messaging"},
	{4, 4, ERR_THROTTLED, FAILED, 60, "the app makes too many calls"},
	{10, 10, ERR_DENIED, DENIED, 0, "token without permission: it needs whatsapp_business_messaging"},
	{33, 33, ERR_DENIED, DENIED, 0, "no such number: check meta_phone_number_id"},
	{100, 100, ERR_REFUSED, ALIVE, 0, "a parameter is wrong: template and parameters as approved? meta_phone_number_id right?"},
	{190, 190, ERR_DENIED, DENIED, 0, "token expired or withdrawn: make a new one, set meta_access_token"},
	{200, 299, ERR_DENIED, DENIED, 0, "token without permission: it needs whatsapp_business_messaging"},
	{368, 368, ERR_DENIED, DENIED, 0, "account blocked for a policy violation: see WhatsApp Manager"},
	{470, 470, ERR_WINDOW, ALIVE, 0, "the customer has not written for 24 hours"},
	{80007, 80007, ERR_THROTTLED, FAILED, 60, "the WhatsApp Business account makes too many calls"},
	{130429, 130429, ERR_THROTTLED, FAILED, 1, "the number sends faster than Meta lets it"},
	{130472, 130472, ERR_REFUSED, ALIVE, 0, "Meta keeps marketing from this customer (an experiment)"},
	{130497, 130497, ERR_DENIED, DENIED, 0, "account may not write to this country: see WhatsApp Manager"},
	{131000, 131000, ERR_REMOTE, FAILED, 0, "Meta's API has trouble: see metastatus.com"},
	{131005, 131005, ERR_DENIED, DENIED, 0, "token without permission: it needs whatsapp_business_messaging"},
	{131008, 131009, ERR_REFUSED, ALIVE, 0, "a parameter is missing or wrong: template and parameters as approved?"},
	{131016, 131016, ERR_REMOTE, FAILED, 0, "Meta's API has trouble: see metastatus.com"},
	{131021, 131021, ERR_REFUSED, ALIVE, 0, "sender and recipient are the same number"},
	{131026, 131026, ERR_REFUSED, ALIVE, 0, "undeliverable: no WhatsApp there, or its terms not accepted"},
	{131030, 131030, ERR_REFUSED, ALIVE, 0, "recipient is not on the test number's list: add it in the app dashboard"},
	{131031, 131031, ERR_DENIED, DENIED, 0, "account locked: see WhatsApp Manager"},
	{131037, 131037, ERR_DENIED, DENIED, 0, "the number's display name is not approved: see WhatsApp Manager"},
	{131042, 131042, ERR_DENIED, DENIED, 0, "payment fails: see billing in WhatsApp Manager"},
	{131045, 131045, ERR_DENIED, DENIED, 0, "the number is not registered: register it"},
	{131047, 131047, ERR_WINDOW, ALIVE, 0, "the customer has not written for 24 hours"},
	{131048, 131048, ERR_DENIED, DENIED, 0, "too many customers blocked the number: see its quality in WhatsApp Manager"},
	{131049, 131049, ERR_WINDOW, ALIVE, 0, "the customer gets too much marketing now"},
	{131050, 131050, ERR_REFUSED, ALIVE, 0, "the customer has stopped marketing of this business"},
	{131051, 131051, ERR_REFUSED, ALIVE, 0, "a type of message that Meta does not take"},
	{131052, 131053, ERR_REFUSED, ALIVE, 0, "the media could not be fetched: link, size and type right?"},
	{131056, 131056, ERR_THROTTLED, ALIVE, 6, "too many messages to this customer"},
	{131057, 131057, ERR_REMOTE, FAILED, 0, "account in maintenance"},
	{132000, 132999, ERR_REFUSED, ALIVE, 0, "template: name, language and parameters as approved?"},
	{133004, 133004, ERR_REMOTE, FAILED, 0, "Meta's API has trouble: see metastatus.com"},
	{133010, 133010, ERR_DENIED, DENIED, 0, "the number is not registered: register it"},
};
/* clang-format on */

const struct cloud_error *
cloud_error_of(int64_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (code >= rows[i].first && code <= rows[i].last)
			return &rows[i];
	return NULL;
}
