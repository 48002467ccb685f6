function n(a,t){try{let e=matchMedia(a);return t&&e.addEventListener("change",t),e}catch{return{matches:!1}}}export{n as a};
