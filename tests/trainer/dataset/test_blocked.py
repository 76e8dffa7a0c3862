"""Jokes on the block list are not trained on, also those from before the entry."""

from configs.blocklist import BlockList
from configs.settings import SelectionSettings
from storage.learning.dataset_files import read_dataset
from trainer.dataset.preview import preview_retraining

ALL_TRAIN = {"holdout_share": 1e-9}


async def test_jokes_on_the_block_list_are_in_no_part_of_a_dataset(memory):
    for number in range(40):
        await memory.rated("3", text=f"a joke about {'DAMN' if number % 2 else 'clean'} cats {number}")
        await memory.rated("1")
    blocked = BlockList.read(["damn"])
    exported = await memory.exporter(blocked, holdout_share=0.3).export()
    contents = read_dataset(exported.directory)
    for rows in (contents.train, contents.holdout):
        texts = [row["conversations"][1]["value"] for row in rows]
        assert len([text for text in texts if "clean" in text]) >= 3 and not [text for text in texts if "DAMN" in text]
    assert exported.manifest["not_written"]["it is on the block list"] >= 5


async def test_they_begin_no_run(memory):
    for number in range(6):
        await memory.rated("3", text=f"a joke about {'DAMN' if number % 2 else 'clean'} cats {number}")
    await memory.rated("1")
    settings = SelectionSettings(**ALL_TRAIN)
    assert (await preview_retraining(memory.database, settings, BlockList())).fresh == 6
    assert (await preview_retraining(memory.database, settings, BlockList.read(["damn"]))).fresh == 3
