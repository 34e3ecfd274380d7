"""Names for the objects of transformers and peft that pass through our hands.

Their classes build themselves at run time (remapped attributes, wrapped modules), so a type checker learns nothing
true from them. These aliases say what is meant; the modules that use them touch documented attributes only.
"""

from typing import Any

LanguageModel = Any
"""A causal `transformers.PreTrainedModel`, ready to answer."""
PeftWrapper = Any
"""A `peft.PeftModel` around a language model."""
AdapterConfig = Any
"""A `peft.PeftConfig` of any kind of adapter."""
ChatTokenizer = Any
"""A `transformers.PreTrainedTokenizerBase`."""
ModelCache = Any
"""Whatever a model keeps between passes."""
LoadResult = Any
"""What peft says about the keys it did not find; its annotation is a bare `namedtuple`."""
