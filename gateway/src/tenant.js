// SPDX-License-Identifier: MIT
// tenant.js: names of tenants, and whose they are.  1, "1" and "business_1" are the same,
// as in the backend; the number is how it is stored, business_1 how it is told.
import { createHash } from 'node:crypto';

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

// tenantId returns the name as stored, or null for what is no name.
export function tenantId(value) {
	const text = typeof value === 'number' ? String(value) : value;

	if (typeof text !== 'string' || !NAME.test(text))
		return null;
	return text.replace(/^business_(?=\d+$)/, '');
}

export const tenantName = id => (/^\d+$/.test(id) ? `business_${id}` : id);

// shardOf is the original's: md5 as a number, modulo, from 1.
export function shardOf(id, shards) {
	const digest = createHash('md5').update(id).digest('hex');

	return Number(BigInt(`0x${digest}`) % BigInt(shards)) + 1;
}
