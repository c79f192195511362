"""``one_pass``: posterior samples in one forward pass, distilled from a learned denoiser.

1. A conditional denoiser is trained on the simulations, see :mod:`methods.denoiser.method`. Its
   probability-flow ODE is a deterministic map T from noise z and x to posterior samples: the teacher.
2. The teacher labels noise, and a student network is trained on the labels (z, x, T(z, x)).

The student has branches z + f_b(z, x) with probabilities p_b. The objective of the second step is

    minimise over f, p, s   -E log sum_b p_b(z, x) N(T(z, x); z + f_b(z, x), s² I).

References: Zhang, Tatsuoka, Xiu, Zhang: Exact conditional score-guided generative modeling for amortized
inference in uncertainty quantification, arXiv 2506.18227 (two stages: labels, then a one-pass student);
Karras, Aittala, Aila, Laine: Elucidating the design space of diffusion-based generative models, NeurIPS 2022
(the teacher).

Not as published: the teacher of arXiv 2506.18227 is the exact score of a kernel posterior, as in
``exact_score_net``. Here it is a learned denoiser, which needs no kernel in x. The published student is a
plain network trained by mean squared error; here it is a mixture of branches. With ``passes`` above 1 further
students touch the samples up (:mod:`methods.one_pass.touch_up_student`). The teacher's base may be local,
which is Laplace's approximation under a learned likelihood (:mod:`methods.denoiser.local_base`). With
``refinement_steps`` above 0, samples are refined by Markov chains on a learned likelihood or by the teacher
(:mod:`methods.denoiser.refinement`); this costs more than one pass.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Distribution

from methods.contract.base import Posterior
from methods.contract.registry import register_method
from methods.contract.seeding import derive_seed
from methods.denoiser import DenoiserMethod
from methods.one_pass.touch_up_student import TouchUpStudent, touch_up_labels
from methods.student import OnePassPosterior, StudentMethod, between_neighbours

__all__ = ["OnePass"]


@register_method("one_pass")
class OnePass(DenoiserMethod, StudentMethod):
    """A student network, trained on labels of a learned denoiser, samples in one forward pass.

    See this module's docstring for the objective, the references and the differences from the publications.

    Arguments:
        passes: Number of forward passes. The first gives samples; each further one is by a student of its own
            that has learned the touch-up.
    """

    libraries: ClassVar[tuple[str, ...]] = (*DenoiserMethod.libraries, *StudentMethod.libraries)
    passes: int = Field(default=1, ge=1, le=4)

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> Posterior:
        """Train the teacher, make labels and train the student.

        Raises:
            ValueError: As for :meth:`methods.denoiser.DenoiserMethod.fit_teacher`.
        """
        teacher = self.fit_teacher(prior, theta, x, device, seed)
        base = teacher.base
        c = base.encode_x(x.to(device))
        students: list[nn.Module] = [self.distil(teacher.flow, c, theta.shape[1], seed)]
        for number in range(1, self.passes):
            conditions = between_neighbours(c, self.num_labels, derive_seed("touch-up", seed, number))
            labels = touch_up_labels(students, teacher.flow, conditions, theta.shape[1], seed)
            students.append(TouchUpStudent(self.student(labels, derive_seed("student", seed, number))))
        one_pass = OnePassPosterior(
            students, theta.shape[1], base.encode_x, base.theta, c.device, base.networks
        )
        one_pass.diagnostics = teacher.diagnostics
        return self.refined(one_pass, teacher, prior, theta, x, seed)
