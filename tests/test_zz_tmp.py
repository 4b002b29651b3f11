import pandas as pd, pytest, numpy as np
from test_families import SMILES, TINY, FAMILIES
from moldiff.generator import MoleculeGenerator
from moldiff.datasets import MoleculeTable
from moldiff.chem.standardise import canonical
from moldiff.training.predicting import PredictorRecipe
from moldiff.training.prepare import prepare
Q={"compiled": False, "progress": False, "accelerator": "cpu", "precision": "fp32"}
@pytest.mark.parametrize("family", FAMILIES)
def test_f(family, tmp_path):
    frame = pd.DataFrame({"smiles": SMILES, "long": [float(len(text) > 6) for text in SMILES]})
    MoleculeGenerator(family=family, **TINY).fit(frame, properties=["long"], folder=tmp_path/"m", compiled=False, progress=False)
    sm=sorted(set(canonical(SMILES)))
    t=MoleculeTable("x",sm,pd.DataFrame({"n":[float(s.count("C")) for s in sm],"kind":[float("N" in s) for s in sm]}),{"n":"1","kind":"1"},classes={"kind":("no","yes")})
    r=PredictorRecipe(model=str(tmp_path/"m"),width=32,depth=1,heads=1,condition_width=8,tokens=1e5)
    pr=prepare(t,["n","kind"],like=r.notation,batch_tokens=256)
    r.train(pr,t,tmp_path/"p",command="x",**Q)
    g=MoleculeGenerator.from_pretrained(tmp_path/"m",precision="fp32")
    for meth in ("cbg","cbg-topk","cbg-first-order"):
        res=g.generate(10,"kind=yes",method=meth,predictor=tmp_path/"p",chunk=64,max_proposals=64,method_knobs={"gamma_classifier":3.0}|({"k":2} if meth=="cbg-topk" else {}))
        print(family,meth,np.mean(["N" in s for s in res.smiles]),len(res.smiles),res.notes,res.summaries[0], res.cost["nfe_predictor_per_proposal"])
        print(res.table[["kind","kind_uncertainty","hit"]].head(2).to_dict())
    for seed in range(3):
      for meth in ("auto","particles","best-of"):
        res=g.generate(10,["kind=yes","max TPSA"],predictor=tmp_path/"p",oracle_calls=40,seed=seed,method=meth)
    print(res.settings["served"], len(res.smiles), res.table.columns.tolist())
    res=g.generate(10,["kind=yes","long=1"],predictor=tmp_path/"p",chunk=16,max_proposals=16)
    print(res.settings["served"], res.settings["gamma"])
    for goals in (["kind=maybe"],["n=2.5"],["n>=50"]):
        try: res=g.generate(3,goals,predictor=tmp_path/"p",chunk=16,max_proposals=16); print(res.notes,res.cost["unguided_tokens_per_proposal"])
        except Exception as e: print(type(e),e)
