// SPDX-License-Identifier: MIT
// errors.js: an answer that is not 200, thrown from wherever it is known.
export class Refusal extends Error {
	constructor(status, error, message, { headers, more } = {}) {
		super(message ?? error);
		this.status = status;
		this.headers = headers;
		this.body = { error, ...(message && { message }), ...more };
	}
}

export const badRequest = message => new Refusal(400, 'bad_request', message);
