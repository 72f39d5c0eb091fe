"""As Home Assistant's WebSocket API talks: asks for the token `good`, answers numbered requests, tells of changes while it
does. Closes the first connection with 1012, as a server that is started anew. Its argument is its port, which it
prints."""

import asyncio
import json
import sys

from websockets.asyncio.server import serve

PORT = int(sys.argv[1])
visits = 0


def changed(number, entity, state):
    data = {"entity_id": entity, "new_state": {"state": state}}
    return json.dumps({"id": number, "type": "event", "event": {"event_type": "state_changed", "data": data}})


def result(number, what, success=True):
    answer = {"id": number, "type": "result", "success": success}
    return json.dumps(answer | ({"result": what} if success else {"error": {"code": "x", "message": what}}))


async def handle(connection):
    global visits
    visits += 1
    await connection.send(json.dumps({"type": "auth_required", "ha_version": "2026.11"}))
    auth = json.loads(await connection.recv())
    assert auth["type"] == "auth", auth
    if auth["access_token"] != "good":
        await connection.send(json.dumps({"type": "auth_invalid", "message": "Invalid access token"}))
        return
    await connection.send(json.dumps({"type": "auth_ok", "ha_version": "2026.11"}))
    subscription, last = None, 0
    async for message in connection:
        request = json.loads(message)
        number = request["id"]
        if number <= last:
            await connection.send(result(number, "Identifier values have to increase.", False))
            continue
        last = number
        if request["type"] == "subscribe_events":
            subscription = number
            await connection.send(result(number, None))
        elif request["type"] == "get_states":
            # What comes in between is no answer.
            await connection.send(changed(subscription, "light.hall", f"on {visits}"))
            await connection.send(result(number, [{"entity_id": f"sensor.{n}", "state": "x" * 100} for n in range(3000)]))
            await connection.send(changed(subscription, "light.hall", f"off {visits}"))
            if visits == 1:
                await connection.close(1012, "restart")


async def main():
    async with serve(handle, "127.0.0.1", PORT) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
