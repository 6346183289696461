"""The faculties of perception, handed over together: who detects, fits, embeds and reads."""

import msgspec

from processors.observe.perception.age_gender import AgeGenderEstimator
from processors.observe.perception.detection import FaceDetector
from processors.observe.perception.expression import ExpressionClassifier
from processors.observe.perception.mesh import MeshFitter
from processors.observe.perception.template import TemplateExtractor


class Faculties(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that looks at pixels; each member owns one or two networks."""

    detector: FaceDetector
    fitter: MeshFitter
    templates: TemplateExtractor
    expressions: ExpressionClassifier
    ages: AgeGenderEstimator
