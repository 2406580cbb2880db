"""Models that are created together, forwards and backwards."""

import pytest
from django.db import connection, migrations, models
from django.db.migrations.state import ProjectState

from mkterp.core.migrating import CreateModels

TABLES = {"kennel_dog", "kennel_owner", "kennel_owner_walks"}


def create_models():
    """A dog has an owner, an owner a favourite dog and dogs to walk: neither can be first."""
    return CreateModels(
        [
            migrations.CreateModel(
                "Dog",
                [
                    ("id", models.BigAutoField(primary_key=True)),
                    ("owner", models.ForeignKey("kennel.owner", models.PROTECT)),
                ],
            ),
            migrations.CreateModel(
                "Owner",
                [
                    ("id", models.BigAutoField(primary_key=True)),
                    ("favourite", models.ForeignKey("kennel.dog", models.PROTECT, null=True)),
                    ("walks", models.ManyToManyField("kennel.dog", related_name="walkers")),
                ],
            ),
        ]
    )


def tables():
    return {name for name in connection.introspection.table_names() if name.startswith("kennel_")}


def foreign_keys(table):
    with connection.cursor() as cursor:
        found = connection.introspection.get_relations(cursor, table)
    return {column: other for column, (_, other, *_) in found.items()}


@pytest.mark.parametrize("rendered", [True, False], ids=["with-classes", "without-classes"])
def test_they_may_refer_to_each_other_and_go_as_they_came(db, rendered):
    operation = create_models()
    before = ProjectState()
    if rendered:
        assert before.apps
    after = before.clone()
    operation.state_forwards("kennel", after)

    with connection.schema_editor() as editor:
        operation.database_forwards("kennel", editor, before, after)
    assert tables() == TABLES
    assert foreign_keys("kennel_dog") == {"owner_id": "kennel_owner"}
    assert foreign_keys("kennel_owner") == {"favourite_id": "kennel_dog"}

    with connection.schema_editor() as editor:
        operation.database_backwards("kennel", editor, after, before)
    assert tables() == set()


def test_what_it_does_is_told_in_a_plan():
    assert create_models().describe() == "Create models Dog, Owner"
