/* SPDX-License-Identifier: MIT */
/* personal.h: every table, and which of its rows are about one person.
 *
 * Export and erase (store_export.c, store_erase.c) read this list and know no other;
 * a test compares it with the schema, so that a new table has to say here what it
 * holds.  The order is that of erasing: who refers to a row stands before it.
 *
 * A condition is SQL.  ?1 is the tenant; person(id) are the contact and those that were
 * merged into it, chats(id) their conversations, names(value) their LID, JID and phone,
 * for rows about somebody who has not written yet: then person and chats are empty.
 * said(id) are messages from them and to them, in groups too.
 *
 * To add a table: one row. */
#ifndef STORE_PERSONAL_H
#define STORE_PERSONAL_H

#define PERSONAL_TABLES(X)                                                        \
	X(audit_moves, "audit_id IN (SELECT id FROM audit WHERE tenant_id = ?1"   \
		       " AND (contact_id IN person OR other_id IN person))")      \
	X(audit, "tenant_id = ?1 AND (contact_id IN person OR other_id IN person" \
		 " OR conversation_id IN chats)")                                 \
	X(broadcast_recipients, "tenant_id = ?1 AND who IN names")                \
	X(scheduled_messages, "tenant_id = ?1 AND who IN names")                  \
	X(messages, "tenant_id = ?1 AND id IN said")                              \
	X(turns, "tenant_id = ?1 AND conversation_id IN chats")                   \
	X(sessions, "tenant_id = ?1 AND conversation_id IN chats")                \
	X(contact_facts, "tenant_id = ?1 AND contact_id IN person")               \
	X(conversations, "tenant_id = ?1 AND contact_id IN person")               \
	X(contact_identities, "tenant_id = ?1 AND contact_id IN person")          \
	X(contacts, "tenant_id = ?1 AND id IN person")

/* Of the business, not of those who write to it. */
#define IMPERSONAL_TABLES(X) \
	X(tenants) X(prompts) X(ai_usage) X(broadcasts) X(own_names) X(schema_reader)

/* Before a statement with one of those conditions, and its arguments; who is a
 * struct store_who *. */
#define WITH_PERSON                                                          \
	"WITH RECURSIVE person(id) AS (SELECT id FROM contacts"              \
	"  WHERE tenant_id = ?1 AND id = ?2 UNION SELECT c.id"               \
	"  FROM contacts AS c JOIN person AS p ON c.merged_into = p.id"      \
	"  WHERE c.tenant_id = ?1),"                                         \
	" chats(id) AS (SELECT id FROM conversations WHERE tenant_id = ?1"   \
	"  AND contact_id IN person),"                                       \
	" names(value) AS (SELECT value FROM contact_identities"             \
	"  WHERE tenant_id = ?1 AND contact_id IN person"                    \
	"  UNION SELECT ?3 WHERE ?3 IS NOT NULL"                             \
	"  UNION SELECT ?4 WHERE ?4 IS NOT NULL),"                           \
	" said(id) AS (SELECT id FROM messages WHERE tenant_id = ?1"         \
	"  AND conversation_id IN chats UNION SELECT id FROM messages"       \
	"  WHERE tenant_id = ?1 AND participant IN names"                    \
	"  UNION SELECT r.id FROM messages AS m JOIN messages AS r"          \
	"  ON r.reply_to = m.id AND r.source = 'bot' WHERE m.tenant_id = ?1" \
	"  AND m.participant IN names) "
#define PERSON_ARGS(tenant, who)                                                   \
	SQL_TEXT(tenant), SQL_NUMBER((who)->contact_id), SQL_TEXT((who)->address), \
		SQL_TEXT((who)->phone)

#endif
