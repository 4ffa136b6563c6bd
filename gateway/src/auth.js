// SPDX-License-Identifier: MIT
// auth.js: what makes us a device of WhatsApp, as Baileys wants to be handed it.
//
// Credentials are one row and keys that belong together are written in one transaction,
// so a crash leaves the state before or the state after.  A key that is lost or stale
// costs messages: nothing here is written later than asked for.
import { BufferJSON, initAuthCreds, proto } from '@whiskeysockets/baileys';

const text = value => JSON.stringify(value, BufferJSON.replacer);

function parsed(row) {
	return row ? JSON.parse(row.value, BufferJSON.reviver) : null;
}

// isPaired: a phone has accepted us.  The pairing code sets `me` long before.
export const isPaired = creds => Boolean(creds.me?.id && creds.account);

export function openAuth(store, tenant) {
	let creds = parsed(store.authGet(tenant, 'creds'));

	if (!creds || (creds.me && !isPaired(creds))) {
		store.authWipe(tenant); // half a pairing can't be resumed
		creds = initAuthCreds();
	}
	const read = (type, id) => {
		const value = parsed(store.authGet(tenant, `${type}/${id}`));

		return value && type === 'app-state-sync-key' ? proto.Message.AppStateSyncKeyData.fromObject(value) : value;
	};
	const write = (type, id, value) => {
		if (value)
			store.authPut(tenant, `${type}/${id}`, text(value));
		else
			store.authDelete(tenant, `${type}/${id}`);
	};
	const keys = {
		async get(type, ids) {
			return Object.fromEntries(ids.map(id => [id, read(type, id)]));
		},
		async set(data) {
			store.together(() => {
				for (const [type, values] of Object.entries(data))
					for (const [id, value] of Object.entries(values))
						write(type, id, value);
			});
		},
	};

	return { creds, keys, save: () => store.authPut(tenant, 'creds', text(creds)) };
}
