// SPDX-License-Identifier: MIT
// sign.js SECRET: reads a JSON list of bodies (texts) on stdin; prints a list of
// {signature, read}: signed by x-hub-signature, then verified and read by whatsapp-api-js,
// as two programs that are not ours understand it.
import { text } from "node:stream/consumers";
import XHubSignature from "x-hub-signature";
import { WhatsAppAPI } from "whatsapp-api-js";

const secret = process.argv[2];
const signer = new XHubSignature("sha256", secret);
const client = new WhatsAppAPI({ token: "none", appSecret: secret, v: "v24.0" });
const out = [];
let read;

client.on.message = ({ from, message }) => { read = { from, type: message.type, id: message.id }; };
client.on.status = ({ id, status }) => { read = { id, status }; };
for (const body of JSON.parse(await text(process.stdin))) {
	const signature = signer.sign(Buffer.from(body));
	read = null;
	await client.post(JSON.parse(body), body, signature);
	out.push({ signature, read });
}
console.log(JSON.stringify(out));
