import felix


def test_the_answer_says_who_was_not_heard() -> None:
    client = felix.ScriptedClient(
        {
            "research": ["It is cheap.\nConfidence: 0.9", felix.Say("It is safe.", thinking="Is it?")],
            "critic": felix.ServerError("The model fell over – load it again.", fault="server"),
            "hub": "Cheap and safe, as far as anybody looked.",
        }
    )
    team = {
        "name": "Two agents",
        "agents": [{"id": "research", "role": "research"}, {"id": "critic", "role": "critic"}],
        "checkpoints": [0.0, 0.5],
    }
    result = felix.run_sync("Shall we?", workflow=team, client=client)

    assert result.text == "Cheap and safe, as far as anybody looked."
    assert "It is safe." in client.prompt("hub")
    assert [each.agent_id for each in result.left_out] == ["critic-1"]
