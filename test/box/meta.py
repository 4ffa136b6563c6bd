# SPDX-License-Identifier: MIT
"""meta: a tenant on WhatsApp's Cloud API, for the tests of that way."""
from harness import CHAT, message, webhook

NUMBER, TOKEN = "106540352242922", "EAAbox"
META = {"gateway": "meta", "meta_phone_number_id": NUMBER, "meta_access_token": TOKEN,
        "default_text": "Thank you!"}


def house(stage, **settings):
    """Tenant 1 is on the Cloud API."""
    tenant = {**META, **settings.pop("tenant", {})}
    stage.start_cloud()
    return stage.pipeline(scheduler=True, tenant=tenant, **settings)


def say(api, id, text="hello", tenant="1", **key):
    said = {**message(id, text, **key), "provider": "meta"}
    assert api.post(webhook(said, tenant=tenant)).status == 200


def status(api, key, word, chat=CHAT, tenant="1", **more):
    """What the webhook of a status becomes."""
    update = {"key": {"id": "wamid.unknown", "remoteJid": chat, "fromMe": True}, "provider": "meta",
              "update": {"status": word, "outboundKey": key, **more}}
    assert api.post({"tenantId": tenant, "payload": {"updates": [update]}}).status == 200


def sent(stage, number=None):
    return [s for s in stage.cloud.sent() if number in (None, s["number"])]
