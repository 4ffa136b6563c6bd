# SPDX-License-Identifier: MIT
"""Every shape of message that Baileys sends, from the webhook to the database's row:
its kind, its canonical text, and whether it was answered (docs/messages.md)."""
import json

from harness import CHAT, FINISHED, chat_of, message, wait_until, webhook

TARGET = {"remoteJid": CHAT, "fromMe": True, "id": "T1"}
VCARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Dana\nitem1.TEL;waid=97231234567:+972 3-123-4567\nEND:VCARD"


def wrapped(by, content):
    return {by: {"message": content}}


def flow(**params):
    return {"nativeFlowResponseMessage": {"name": "quick_reply", "paramsJson": json.dumps(params)}}


# name: (content, kind, body, answered)
SHAPES = {
    "text": ({"conversation": "hi"}, "text", "hi", True),
    "extended text": ({"extendedTextMessage": {"text": "hi", "contextInfo": {
        "stanzaId": "Q", "quotedMessage": {"conversation": "before"}}}}, "text", "hi", True),
    "with group keys": ({"senderKeyDistributionMessage": {"groupId": "1@g.us"}, "messageContextInfo": {},
                         "conversation": "hi"}, "text", "hi", True),
    "image": ({"imageMessage": {"mimetype": "image/jpeg"}}, "image", "[image]", False),
    "image, caption": ({"imageMessage": {"caption": "hi"}}, "image", "hi", True),
    "video": ({"videoMessage": {"seconds": 3}}, "video", "[video]", False),
    "video note": ({"ptvMessage": {"seconds": 3}}, "video", "[video]", False),
    "document": ({"documentMessage": {"fileName": "offer.pdf"}}, "document", "[document: offer.pdf]", False),
    "document, caption": (wrapped("documentWithCaptionMessage", {"documentMessage": {
        "fileName": "offer.pdf", "caption": "hi"}}), "document", "[document: offer.pdf] hi", True),
    "voice": ({"audioMessage": {"seconds": 7, "ptt": True}}, "voice", "[voice: 7s]", False),
    "audio": ({"audioMessage": {"seconds": 61}}, "audio", "[audio: 61s]", False),
    "sticker": ({"stickerMessage": {"mimetype": "image/webp"}}, "sticker", "[sticker]", False),
    "album": ({"albumMessage": {"expectedImageCount": 2}}, "album", "[album]", False),
    "location": ({"locationMessage": {"degreesLatitude": 32.08, "degreesLongitude": 34.78, "name": "Cafe",
                                      "address": "Main 1"}},
                 "location", "[location: Cafe, Main 1 (32.08, 34.78)]", False),
    "live location": ({"liveLocationMessage": {"degreesLatitude": 1, "degreesLongitude": 2, "caption": "soon"}},
                      "live_location", "[live location: 1, 2] soon", True),
    "contact": ({"contactMessage": {"displayName": "Dana", "vcard": VCARD}},
                "contact", "[contact: Dana, +97231234567]", False),
    "contacts": ({"contactsArrayMessage": {"contacts": [{"displayName": "A", "vcard": VCARD}, {"displayName": "B"}]}},
                 "contacts", "[contacts: A, +97231234567; B]", False),
    "button": ({"buttonsResponseMessage": {"selectedButtonId": "1", "selectedDisplayText": "Yes"}},
               "buttons_reply", "Yes", True),
    "template button": ({"templateButtonReplyMessage": {"selectedId": "1", "selectedDisplayText": "Yes"}},
                        "template_reply", "Yes", True),
    "list choice": ({"listResponseMessage": {"title": "Cut", "singleSelectReply": {"selectedRowId": "1"}}},
                    "list_reply", "Cut", True),
    "interactive": ({"interactiveResponseMessage": {"body": {"text": "Yes"}, **flow(id="ok")}},
                    "interactive_reply", "Yes", True),
    "interactive, id only": ({"interactiveResponseMessage": flow(id="ok")}, "interactive_reply", "ok", True),
    "of a business, buttons": ({"buttonsMessage": {"contentText": "Pick"}}, "buttons", "Pick", False),
    "of a business, list": ({"listMessage": {"description": "Pick"}}, "list", "Pick", False),
    "of a business, template": ({"templateMessage": {"hydratedTemplate": {"hydratedContentText": "Pick"}}},
                                "template", "Pick", False),
    "of a business, interactive": (wrapped("viewOnceMessage", {"interactiveMessage": {"body": {"text": "Pick"}}}),
                                   "interactive", "Pick", False),
    "order": ({"orderMessage": {"orderId": "1", "orderTitle": "Boats", "message": "two"}},
              "order", "[order: Boats] two", True),
    "product": ({"productMessage": {"product": {"title": "Boat"}}}, "product", "[product: Boat]", False),
    "payment": ({"requestPaymentMessage": {"amount1000": "5000"}}, "payment", "[payment request]", False),
    "group invite": ({"groupInviteMessage": {"groupName": "Us"}}, "group_invite", "[group invitation: Us]", False),
    "event": ({"eventMessage": {"name": "Party"}}, "event", "[event: Party]", False),
    "call": ({"callLogMesssage": {"callOutcome": "MISSED"}}, "call", "[call]", False),
    "poll": ({"pollCreationMessageV3": {"name": "When?", "options": [{"optionName": "Sun"}, {"optionName": "Mon"}]}},
             "poll", "[poll: When? (Sun, Mon)]", False),
    "poll vote": ({"pollUpdateMessage": {"pollCreationMessageKey": TARGET}}, "poll_vote", None, False),
    "reaction": ({"reactionMessage": {"key": TARGET, "text": "👍"}}, "reaction", "[reaction: 👍]", False),
    "reaction removed": ({"reactionMessage": {"key": TARGET, "text": ""}}, "reaction", None, False),
    "edit": (wrapped("editedMessage", {"protocolMessage": {
        "key": TARGET, "type": "MESSAGE_EDIT", "editedMessage": {"conversation": "new"}}}), "edit", "new", False),
    "edit, bare": ({"protocolMessage": {"key": TARGET, "type": 14, "editedMessage": {"conversation": "new"}}},
                   "edit", "new", False),
    "revoke": ({"protocolMessage": {"key": TARGET, "type": "REVOKE"}}, "revoke", None, False),
    "revoke, number": ({"protocolMessage": {"key": TARGET, "type": 0}}, "revoke", None, False),
    "ephemeral setting": ({"protocolMessage": {"type": 3, "ephemeralExpiration": 86400}}, "protocol", None, False),
    "group keys alone": ({"senderKeyDistributionMessage": {"groupId": "1@g.us"}}, "protocol", None, False),
    "new to us": ({"newMessage": {"text": "hi"}}, "unknown", None, False),
    "of a wrong type": ({"imageMessage": [1, 2]}, "unknown", None, False),
}
WRAPPERS = ["ephemeralMessage", "viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension",
            "deviceSentMessage", "associatedChildMessage", "botInvokeMessage", "groupMentionedMessage"]
SHAPES |= {by: (wrapped(by, {"conversation": "hi"}), "text", "hi", True) for by in WRAPPERS}


def nested(levels):
    content = {"conversation": "hi"}
    for _ in range(levels):
        content = wrapped("ephemeralMessage", content)
    return content


SHAPES["8 wrappers"] = (nested(8), "text", "hi", True)
SHAPES["9 wrappers"] = (nested(9), "unknown", None, False)

# name: (the message but its key, kind, body)
STUBS = {
    "undecrypted": ({"messageStubType": 2, "messageStubParameters": ["Bad MAC"]}, "undecrypted", None),
    "undecrypted, by name": ({"messageStubType": "CIPHERTEXT"}, "undecrypted", None),
    "missed call": ({"messageStubType": 40}, "call", "[missed call]"),
    "ephemeral notice": ({"messageStubType": "CHANGE_EPHEMERAL_SETTING"}, "system", None),
}


def worked(stage, n):
    wait_until(lambda: stage.redis.text.zcard(FINISHED) == n, 30, f"{n} jobs finished")
    stage.wait_at_rest()
    return {r["provider_message_id"]: r for r in stage.inbound()}


def test_every_shape_becomes_a_row_and_what_wants_an_answer_gets_one(stage):
    api, worker = stage.pipeline()
    all_of_them = [{**message(name, chat=chat_of(i)), "message": content}
                   for i, (name, (content, *_)) in enumerate(SHAPES.items())]
    assert api.post(webhook(*all_of_them)).status == 200
    rows = worked(stage, len(SHAPES))
    answered = {s["to"] for s in stage.gateway.sent()}
    assert {name: (rows[name]["kind"], rows[name]["body"], chat_of(i) in answered)
            for i, name in enumerate(SHAPES)} == {name: tuple(rest) for name, (_, *rest) in SHAPES.items()}
    for m in all_of_them:
        assert json.loads(rows[m["key"]["id"]]["raw"]) == m, "kept as it came"
    for never in ("offer.pdf", "97231234567", "Cafe", "Pick"):
        assert never not in worker.log()


def test_a_notice_in_place_of_a_content_is_stored(stage):
    api, _ = stage.pipeline()
    for i, (name, (rest, *_)) in enumerate(STUBS.items()):
        assert api.post(webhook({"key": message(name, chat=chat_of(i))["key"], **rest})).status == 200
    rows = worked(stage, len(STUBS))
    assert {name: (r["kind"], r["body"]) for name, r in rows.items()} == \
        {name: tuple(rest) for name, (_, *rest) in STUBS.items()}
    assert {rows[name]["status"] for name in rows if rows[name]["kind"] == "undecrypted"} == {"undecrypted"}
    assert stage.gateway.sent() == []


def test_a_message_that_could_not_be_decrypted_is_answered_when_it_comes(stage):
    api, _ = stage.pipeline()
    m = message("LATE", "now I can be read")
    assert api.post(webhook({"key": m["key"], "messageStubType": 2})).status == 200
    assert worked(stage, 1)["LATE"]["kind"] == "undecrypted"
    assert api.post(webhook(m)).status == 200
    [row] = worked(stage, 2).values()
    assert (row["kind"], row["body"], row["status"]) == ("text", "now I can be read", "received")
    assert len(stage.gateway.sent()) == 1


AT = 1730092801
CLOCKS = [(AT, AT), (str(AT), AT), ({"low": AT, "high": 0, "unsigned": True}, AT), (AT * 1000, AT),
          (str(AT * 1000), AT)]
CLOCKS += [(none, None) for none in (-1, 2**63 - 1, 10**30, "9" * 40, {"low": -1, "high": -1}, {"low": 1}, [],
                                     None, 1e308, "yesterday")]


def test_the_senders_clock_is_read_in_every_spelling_and_a_bad_one_does_no_harm(stage):
    api, _ = stage.pipeline(ANSWER_MAX_AGE_MIN=0)
    for i, (stamp, _) in enumerate(CLOCKS):
        api.post(webhook({**message(f"T{i}", chat=chat_of(i)), "messageTimestamp": stamp}))
    rows = worked(stage, len(CLOCKS))
    assert [rows[f"T{i}"]["sent_us"] for i in range(len(CLOCKS))] == \
        [at and at * 1000000 for _, at in CLOCKS]
    assert len(stage.gateway.sent()) == len(CLOCKS)
