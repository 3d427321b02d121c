"""K proxies trained as one batched program: for a GPU, which one small model leaves mostly idle.

Every weight has a leading dimension K, so a linear layer is one batched product over K models, and
each model keeps its own data, learning rate, gradient norm and moments. No number of one model
enters another's, so packed trials equal unpacked ones to rounding. The function is
`workers.xmodel2`'s, written once more for stacked weights, in torch's own operations; on a GPU it
runs in bfloat16 with fp32 weights, compiled.

The update is AdamW's (Loshchilov and Hutter, arXiv 1711.05101) as torch has it, with the groups of
`workers.optim` and one learning rate for each model, after clipping by each model's own norm.

Shapes: K models, B sequences of a model, T tokens, D width, H query heads, h head width, V
vocabulary; weights (K, out, in).
"""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mixtures.phases import Optimiser
from mixtures.proxy import Proxy
from workers.optim import make_optimiser
from workers.xmodel2 import Xmodel2, rope_tables, rotate

Weights = Mapping[str, Tensor]


class Packed:
    """K models of one proxy, and their optimiser."""

    def __init__(self, models: Sequence[Xmodel2], spec: Optimiser, device: str = "cpu") -> None:
        """Start from copies of `models`, with moments of zero; `put` brings those of others."""
        self.proxy, self.spec = models[0].proxy, spec
        assert all(model.proxy == self.proxy for model in models)
        named = [dict(model.named_parameters()) for model in models]
        self.weights = {
            name: torch.stack([one[name].detach() for one in named]).to(device).requires_grad_()
            for name in named[0]
        }
        self._means = {name: torch.zeros_like(weight) for name, weight in self.weights.items()}
        self._squares = {name: torch.zeros_like(weight) for name, weight in self.weights.items()}
        # Steps that each model has taken: they need not have begun together.
        self.num_steps = [0] * len(models)
        names = {id(weight): name for name, weight in named[0].items()}
        # (multiplier of the rate, weight decay) by name.
        self._groups = {
            names[id(weight)]: (float(group["lr_multiplier"]), float(group["weight_decay"]))
            for group in make_optimiser(models[0], spec).param_groups
            for weight in group["params"]
        }
        tables = rope_tables(self.proxy.context_tokens, self.proxy.head_width, self.proxy.rope_base)
        dtype = next(iter(self.weights.values())).dtype
        self._device = device
        self._cos, self._sin = (table.to(device, dtype) for table in tables)
        self._is_on_gpu = torch.device(device).type == "cuda"
        self._losses: Callable[..., Tensor] = packed_losses
        if self._is_on_gpu:
            self._losses = torch.compile(packed_losses)

    @torch.no_grad()
    def put(self, index: int, model: Xmodel2, optimiser: torch.optim.Optimizer) -> None:
        """This model, with its AdamW's state, in the place of the one at `index`."""
        self.num_steps[index] = 0
        for name, weight in model.named_parameters():
            self.weights[name][index].copy_(weight)
            state = optimiser.state.get(weight)
            for field, all_of_them in (("exp_avg", self._means), ("exp_avg_sq", self._squares)):
                if state:
                    all_of_them[name][index].copy_(state[field])
                    self.num_steps[index] = int(state["step"])
                else:
                    all_of_them[name][index].zero_()

    @torch.no_grad()
    def fetch(self, index: int, model: Xmodel2, optimiser: torch.optim.Optimizer) -> None:
        """The other way: the model and AdamW's state are those at `index` now."""
        for name, weight in model.named_parameters():
            weight.copy_(self.weights[name][index])
            optimiser.state[weight] = {
                "step": torch.tensor(float(self.num_steps[index])),
                "exp_avg": self._means[name][index].cpu().clone(),
                "exp_avg_sq": self._squares[name][index].cpu().clone(),
            }

    def step(
        self, tokens: Tensor, learning_rates: Sequence[float], is_counted: Tensor | None = None
    ) -> list[float]:
        """One step of every model on its own tokens (K, B, T + 1): the K losses before it.

        They are over the targets that are counted, bool (K, B, T), or over all.
        """
        tokens = tokens.to(self._device)
        is_counted = None if is_counted is None else is_counted.to(self._device)
        cos, sin = self._cos[: tokens.shape[2] - 1], self._sin[: tokens.shape[2] - 1]
        with torch.autocast("cuda", torch.bfloat16, enabled=self._is_on_gpu):
            losses = self._losses(self.weights, self.proxy, tokens, cos, sin, is_counted)
        # A model's loss is a function of its own weights alone: the sum's gradients are theirs.
        gradients = torch.autograd.grad(losses.sum(), list(self.weights.values()))
        with torch.no_grad():
            self._update(dict(zip(self.weights, gradients, strict=True)), learning_rates)
        found: list[float] = losses.detach().tolist()
        return found

    def _update(self, gradients: dict[str, Tensor], learning_rates: Sequence[float]) -> None:
        spec = self.spec
        self.num_steps = [number + 1 for number in self.num_steps]
        squares = [gradient.flatten(1).square().sum(1) for gradient in gradients.values()]
        norms = torch.stack(squares).sum(0).sqrt()  # (K,)
        # As torch.nn.utils.clip_grad_norm_ has it.
        clip = (spec.clip_norm / (norms + 1e-6)).clamp(max=1.0)
        rates = norms.new_tensor(learning_rates)
        correction1 = norms.new_tensor([1 - spec.beta1**number for number in self.num_steps])
        correction2 = norms.new_tensor([1 - spec.beta2**number for number in self.num_steps])
        for name, gradient in gradients.items():
            weight, mean, square = self.weights[name], self._means[name], self._squares[name]
            multiplier, decay = self._groups[name]
            gradient = gradient * _for_each(clip, gradient)
            weight.mul_(1 - _for_each(rates * multiplier * decay, weight))
            mean.lerp_(gradient, 1 - spec.beta1)
            square.mul_(spec.beta2).addcmul_(gradient, gradient, value=1 - spec.beta2)
            scale = (square / _for_each(correction2, square)).sqrt_().add_(spec.epsilon)
            weight.sub_(mean / scale * _for_each(rates * multiplier / correction1, weight))


def packed_losses(
    weights: Weights,
    proxy: Proxy,
    tokens: Tensor,
    cos: Tensor,
    sin: Tensor,
    is_counted: Tensor | None = None,
) -> Tensor:
    """Each model's mean cross-entropy in nats on its tokens (K, B, T + 1): (K,).

    Over the targets that are counted, bool (K, B, T), or over all; of none it is 0.
    """
    K, B, T = tokens.shape[0], tokens.shape[1], tokens.shape[2] - 1
    H, num_kv_heads, h, D = proxy.num_heads, proxy.num_kv_heads, proxy.head_width, proxy.width

    def linear(x: Tensor, name: str) -> Tensor:
        """x (K, B T, in) through the models' weights (K, out, in)."""
        return torch.bmm(x, weights[name].transpose(1, 2))

    def norm(x: Tensor, name: str) -> Tensor:
        return F.rms_norm(x, (D,), eps=proxy.rms_norm_eps) * weights[name][:, None]

    def heads(x: Tensor) -> Tensor:
        """(K, B T, heads h) as (K B, heads, T, h)."""
        return x.view(K * B, T, -1, h).transpose(1, 2)

    inputs, targets = tokens[:, :, :-1].reshape(K, B * T), tokens[:, :, 1:].reshape(K, B * T)
    table = weights["model.embed_tokens.weight"]
    x = table[torch.arange(K, device=tokens.device)[:, None], inputs] * proxy.scale_emb
    for index in range(proxy.num_layers):
        block = f"model.layers.{index}."
        normed = norm(x, block + "input_layernorm.weight")
        q, k, v = (heads(linear(normed, f"{block}self_attn.{p}_proj.weight")) for p in "qkv")
        out = F.scaled_dot_product_attention(
            rotate(q, cos, sin).to(v.dtype),
            rotate(k, cos, sin).to(v.dtype),
            v,
            is_causal=True,
            scale=proxy.attention_multiplier,
            enable_gqa=num_kv_heads != H,
        )
        out = out.transpose(1, 2).reshape(K, B * T, D)
        branch = linear(out, block + "self_attn.o_proj.weight")
        x = torch.add(x, branch, alpha=proxy.attention_residual_multiplier)
        normed = norm(x, block + "post_attention_layernorm.weight")
        gate, up = (linear(normed, f"{block}mlp.{p}_proj.weight") for p in ("gate", "up"))
        branch = linear(F.silu(gate) * up, block + "mlp.down_proj.weight")
        x = torch.add(x, branch, alpha=proxy.mlp_residual_multiplier)
    x = norm(x, "model.norm.weight") / proxy.logits_divisor
    head = "model.embed_tokens.weight" if proxy.tied_embedding else "lm_head.weight"
    logits = linear(x, head)
    if logits.dtype == torch.bfloat16:
        logits = logits.float()
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    losses = losses.view(K, B * T)
    if is_counted is None:
        return losses.mean(1)
    counted = is_counted.reshape(K, B * T)
    return (losses * counted).sum(1) / counted.sum(1).clamp(min=1)


def _for_each(values: Tensor, like: Tensor) -> Tensor:
    """(K,) shaped to multiply a tensor (K, ...)."""
    return values.view(-1, *[1] * (like.dim() - 1))
